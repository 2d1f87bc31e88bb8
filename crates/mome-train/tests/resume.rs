//! What a run that was stopped had done is not done again.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::{backbone, open_pack, options, some_facts};
use mome_engine::Executor;
use mome_train::{Fact, MemorizeOptions, Report, Stage, memorize};
use tempfile::TempDir;

/// Memorises and says how far each stage came. Where it comes so far in a stage it is stopped, by a panic.
fn run(
    facts: &[Fact],
    (executor, file): &(Arc<dyn Executor>, Vec<u8>),
    out: &Path,
    stop: Option<(Stage, u64)>,
) -> (Option<Report>, HashMap<Stage, u64>) {
    let reached = Mutex::new(HashMap::new());
    let progress = |stage: Stage, done: u64, _: u64| {
        let mut reached = reached.lock().unwrap();
        let most = reached.entry(stage).or_insert(0);
        *most = done.max(*most);
        drop(reached);
        assert!(stop != Some((stage, done)), "stopped, as the test wants it");
    };
    let options = MemorizeOptions { selector: None, ..options() };
    let report =
        catch_unwind(AssertUnwindSafe(|| memorize(facts, (executor, file), out, &options, &progress)));
    (report.ok().map(Result::unwrap), reached.into_inner().unwrap())
}

#[test]
fn stages_that_were_done_are_not_done_again() {
    let (backbone, facts) = (backbone(), some_facts(15, 4));
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("pack");

    let (report, reached) = run(&facts, &backbone, &out, Some((Stage::Train, 200)));
    assert!(report.is_none() && !reached.contains_key(&Stage::Memorise));
    // The selector was trained, and no fact noted yet.
    let (report, reached) = run(&facts, &backbone, &out, Some((Stage::Memorise, 7)));
    assert!(report.is_none() && reached.contains_key(&Stage::Train));
    let (report, reached) = run(&facts, &backbone, &out, Some((Stage::Verify, 3)));
    assert!(report.is_none() && !reached.contains_key(&Stage::Train));
    assert_eq!(reached[&Stage::Memorise], 15);
    let (report, reached) = run(&facts, &backbone, &out, None);
    assert!(!reached.contains_key(&Stage::Read) && !reached.contains_key(&Stage::Train));
    let report = report.unwrap();
    assert_eq!((report.resumed, report.memorised, report.verified), (15, 15, 15));
    assert!(!out.join("memorising.partial").exists());

    let other = directory.path().join("other");
    let (again, _) = run(&facts, &backbone, &other, None);
    let again = again.unwrap();
    assert_eq!((again.resumed, again.bytes, again.objects), (0, report.bytes, report.objects));
}

#[test]
fn a_selector_that_is_given_is_used_as_it_is() {
    let (backbone, facts) = (backbone(), some_facts(15, 4));
    let directory = TempDir::new().unwrap();
    run(&facts, &backbone, &directory.path().join("first"), None);
    let first = open_pack(&directory.path().join("first"), &backbone.0);
    let selector = first.pack().selection().selector().clone();

    // Other facts with the selector of the first: nothing is trained, and stored wordings are answered.
    let facts = some_facts(40, 2).split_off(15);
    let out = directory.path().join("second");
    let reached = Mutex::new(Vec::new());
    let options = MemorizeOptions { selector: Some(selector), ..options() };
    let report = memorize(&facts, (&backbone.0, &backbone.1), &out, &options, &|stage, _, _| {
        reached.lock().unwrap().push(stage);
    });
    let report = report.unwrap();
    assert_eq!((report.memorised, report.verified, report.selector_trained), (25, 25, false));
    let reached = reached.into_inner().unwrap();
    assert!([Stage::Layers, Stage::Train].iter().all(|stage| !reached.contains(stage)));
    let second = open_pack(&out, &backbone.0);
    assert_eq!(second.pack().manifest().selector, first.pack().manifest().selector);
}
