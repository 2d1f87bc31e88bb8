//! What a run that was stopped had done is not done again.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;

use common::{models, options, some_facts};
use mome_build::{Directory, Fact, Models, Report, Stage, memorize};
use tempfile::TempDir;

/// Memorises and says how far each stage came. Where it comes so far in a stage it is stopped, by a panic.
fn run(
    facts: &[Fact],
    models: &Models,
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
    let report = catch_unwind(AssertUnwindSafe(|| {
        memorize(facts, models, &Directory::new(out), &options(), &progress)
    }));
    (report.ok().map(Result::unwrap), reached.into_inner().unwrap())
}

#[test]
fn facts_that_were_memorized_are_not_memorized_again() {
    let (models, facts) = (models(), some_facts(70, 2));
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("pack");

    // The first facts are noted in the journal together.
    let (report, _) = run(&facts, &models, &out, Some((Stage::Memorize, 68)));
    assert!(report.is_none());
    let (report, reached) = run(&facts, &models, &out, Some((Stage::Verify, 3)));
    assert!(report.is_none());
    assert_eq!(reached[&Stage::Memorize], 70);
    let (report, _) = run(&facts, &models, &out, None);
    let report = report.unwrap();
    assert_eq!((report.resumed, report.memorized, report.verified), (70, 70, 70));
    assert!(!out.join("memorising.partial").exists());

    let other = directory.path().join("other");
    let (again, _) = run(&facts, &models, &other, None);
    let again = again.unwrap();
    assert_eq!((again.resumed, again.bytes, again.objects), (0, report.bytes, report.objects));
}
