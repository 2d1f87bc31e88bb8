//! Packs that change: facts come, are edited and go, and everything else stays as it was.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::{experts, fact, files, lists, models, open_pack, options, some_facts, wrong_replies};
use mome::{AnswerOptions, Mome};
use mome_build::{
    Directory, Fact, ForgetReport, IntoReport, MemorizeError, MemorizeOptions, Models, ReviseOptions, forget,
    memorize, memorize_into,
};
use mome_pack::{TARGET_SHARD, WordingHash};
use pollster::block_on;
use tempfile::TempDir;

/// A pack in a directory of its own.
struct Changing {
    directory: TempDir,
    models: Models,
}

impl Changing {
    /// A pack of these facts, so strict that no calibration has enough questions: only stored wordings are answered.
    fn new(facts: &[Fact]) -> Self {
        let changing = Self { directory: TempDir::new().unwrap(), models: models() };
        let options = MemorizeOptions { alpha: 1e-6, ..options() };
        let report = memorize(facts, &changing.models, &changing.target(), &options, &|_, _, _| ()).unwrap();
        assert_eq!(report.verified, facts.len(), "{:?}", report.failed);
        changing
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("pack")
    }

    fn target(&self) -> Directory {
        Directory::new(&self.path())
    }

    fn open(&self) -> Mome {
        open_pack(&self.path(), &self.models)
    }

    fn put(&self, facts: &[Fact]) -> Result<IntoReport, MemorizeError> {
        memorize_into(facts, &self.open(), &self.target(), ReviseOptions::default(), &|_, _, _| ())
    }

    fn forget(&self, ids: &[&str]) -> Result<ForgetReport, MemorizeError> {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        forget(&ids, &self.open(), &self.target(), ReviseOptions::default(), &|_, _, _| ())
    }

    /// Makes sure that something is refused with these words, and nothing changes by it.
    fn refuses<T>(&self, change: impl FnOnce(&Self) -> Result<T, MemorizeError>, words: &[&str]) {
        let before = files(&self.path());
        let said = change(self).err().unwrap().to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(files(&self.path()) == before, "{:?}", files(&self.path()).keys());
    }
}

/// Facts of which each is asked for in several quite different ways, so that some experts stand in several shards.
fn many_sided(count: usize) -> Vec<Fact> {
    let facts = some_facts(count, 1);
    let sides = |(number, fact): (usize, Fact)| {
        let ways = [
            format!("{} ({number})", facts[(number * 7 + 3) % count].wordings[0]),
            format!("In the list of places, which one is number {number}?"),
        ];
        Fact { id: format!("side-{number}"), wordings: ways.to_vec(), ..fact }
    };
    facts.clone().into_iter().enumerate().map(sides).collect()
}

#[test]
fn facts_that_come_change_no_other_expert_and_every_wording_stays_findable() {
    let first = some_facts(450, 1);
    let pack = Changing::new(&first);
    let before = pack.open();
    let coming = many_sided(150);
    let report = pack.put(&coming).unwrap();
    assert_eq!((report.added, report.replaced, report.verified, report.pack.sequence), (150, 0, 150, 2));
    assert!(report.failed.is_empty() && report.pack.asked_again >= 8);

    let after = pack.open();
    let (old, new) = (experts(&before), experts(&after));
    assert!(old.iter().all(|(id, bytes)| new.get(id) == Some(bytes)));
    assert_eq!(new.len(), 600);
    let counts = after.pack().manifest().counts;
    assert_eq!((counts.facts, counts.wordings), (600, 750));

    // Some shards were split, some have copies, and those that are as they were are the same objects.
    let (lists_before, lists_after) = (lists(&before), lists(&after));
    assert!(lists_after.len() > lists_before.len() && lists_before.len() > 6);
    assert_eq!(counts.shards, lists_after.len() as u64);
    assert!(lists_after.iter().all(|(list, _)| list.shard.length <= TARGET_SHARD as u64));
    assert!(lists_after.iter().map(|(_, experts)| experts.len()).sum::<usize>() > 600, "there are no copies");
    let links: BTreeSet<_> = lists_before.iter().map(|(list, _)| list.shard.digest).collect();
    let written = lists_after.iter().filter(|(list, _)| !links.contains(&list.shard.digest)).count();
    assert_eq!(written, report.pack.shards_written);
    assert_eq!(wrong_replies(&after, first.iter().chain(&coming)), [""; 0]);

    // What is there already changes nothing.
    let there = files(&pack.path());
    let again = pack.put(&coming).unwrap();
    assert_eq!((again.added, again.unchanged, again.verified, again.pack.sequence), (0, 150, 150, 2));
    assert!(files(&pack.path()) == there);
}

#[test]
fn an_edit_takes_the_old_expert_s_place_wherever_it_stands() {
    let mut facts = some_facts(300, 1);
    let pack = Changing::new(&facts);
    let sides = many_sided(150);
    pack.put(&sides).unwrap();
    let copies = |mome: &Mome, id: &str| {
        lists(mome).iter().flat_map(|(_, experts)| experts).filter(|expert| expert.id == id).count()
    };
    let before = pack.open();
    let edited = sides.iter().find(|fact| copies(&before, &fact.id) > 1).expect("an expert with copies");
    let edit = Fact { answer: "somewhere else".into(), ..edited.clone() };
    let report = pack.put(std::slice::from_ref(&edit)).unwrap();
    assert_eq!((report.added, report.replaced, report.verified), (0, 1, 1));

    let after = pack.open();
    let (old, mut new) = (experts(&before), experts(&after));
    assert_ne!(new.insert(edit.id.clone(), old[&edit.id].clone()), old.get(&edit.id).cloned());
    assert_eq!(new, old, "no other expert changed");
    assert_eq!(wrong_replies(&after, [&edit]), [""; 0]);
    facts.extend(sides.into_iter().filter(|fact| fact.id != edit.id));
    assert_eq!(wrong_replies(&after, &facts), [""; 0]);
}

#[test]
fn what_contradicts_the_pack_is_refused() {
    let pack = Changing::new(&[fact("sea", &["What is the deepest sea?"], "The Philippine Sea")]);
    let coming = fact("ocean", &["Where is it deepest?", "what is the deepest sea"], "The Pacific");
    pack.refuses(|pack| pack.put(std::slice::from_ref(&coming)), &["`ocean`", "`sea`", "deepest sea"]);
    // The other fact is edited at the same time, so that they agree.
    let edit = fact("sea", &["What is the deepest sea?"], "The Pacific");
    let report = pack.put(&[coming.clone(), edit]).unwrap();
    assert_eq!((report.added, report.replaced, report.verified), (1, 1, 2));
    // Two facts with one question and one answer may both stand.
    let twin = fact("twin", &["What is the deepest sea?"], "The Pacific");
    assert_eq!(pack.put(&[twin]).unwrap().verified, 1);
    assert_eq!(experts(&pack.open()).len(), 3);
}

#[test]
fn an_edit_that_cannot_be_memorized_is_refused_and_a_new_fact_left_out() {
    let pack = Changing::new(&some_facts(5, 1));
    let long = fact("long", &[&"very ".repeat(600)], "long");
    let id = some_facts(1, 1)[0].id.clone();
    let edit = Fact { id: id.clone(), ..long.clone() };
    pack.refuses(|pack| pack.put(&[fact("new", &["Who?"], "Ann"), edit]), &[&id, "609", "512"]);
    pack.refuses(|pack| pack.put(std::slice::from_ref(&long)), &["no fact could be memorised", "long"]);
    let report = pack.put(&[fact("new", &["Who?"], "Ann"), long]).unwrap();
    assert_eq!((report.added, report.verified, report.failed[0].0.as_str()), (1, 1, "long"));
    assert!(!pack.path().join("memorising.partial").exists());
}

#[test]
fn what_is_forgotten_is_gone_and_all_else_stays() {
    let first = some_facts(300, 1);
    let pack = Changing::new(&first);
    let sides = many_sided(150);
    pack.put(&sides).unwrap();
    let before = pack.open();
    pack.refuses(|pack| pack.forget(&["side-3", "nobody", "nothing"]), &["`nobody`", "`nothing`"]);

    let ids: Vec<&str> = sides.iter().step_by(3).map(|fact| fact.id.as_str()).collect();
    let report = pack.forget(&ids).unwrap();
    assert_eq!((report.forgotten, report.pack.sequence, report.still_answered.len()), (50, 3, 0));
    let after = pack.open();
    let mut old = experts(&before);
    old.retain(|id, _| !ids.contains(&id.as_str()));
    assert_eq!(experts(&after), old);
    assert_eq!(after.pack().manifest().counts.facts, 400);
    assert_eq!(after.pack().manifest().counts.wordings, 500);
    let (gone, kept): (Vec<_>, Vec<_>) = sides.iter().partition(|fact| ids.contains(&fact.id.as_str()));
    let known =
        |fact: &&&Fact| block_on(after.answer(&fact.wordings[0], &AnswerOptions::default())).unwrap().known;
    assert_eq!(gone.iter().filter(known).count(), 0);
    assert_eq!(wrong_replies(&after, first.iter().chain(kept)), [""; 0]);
}

#[test]
fn a_pack_may_forget_everything_and_learn_anew() {
    let facts = some_facts(40, 1);
    let pack = Changing::new(&facts);
    let ids: Vec<&str> = facts.iter().map(|fact| fact.id.as_str()).collect();
    pack.forget(&ids).unwrap();
    let empty = pack.open();
    assert_eq!((lists(&empty).len(), empty.pack().manifest().counts.facts), (0, 0));
    let reply = block_on(empty.answer(&facts[0].wordings[0], &AnswerOptions::default())).unwrap();
    assert!(!reply.known && reply.suggestions.is_empty());
    assert_eq!(pack.put(&facts[..7]).unwrap().verified, 7);
    assert_eq!(wrong_replies(&pack.open(), &facts[..7]), [""; 0]);
}

#[test]
fn a_reply_that_changes_is_reported() {
    let mut facts = some_facts(20, 1);
    facts.push(fact("one", &["What is the deepest sea?"], "The Philippine Sea"));
    facts.push(fact("other", &["What is the deepest sea?"], "The Philippine Sea"));
    let pack = Changing::new(&facts);
    let reply = block_on(pack.open().answer("What is the deepest sea?", &AnswerOptions::default())).unwrap();
    let replies = reply.facts[0].id.clone();
    let other = if replies == "one" { "other" } else { "one" };
    let report = pack.forget(&[&replies]).unwrap();
    assert_eq!(report.still_answered[0].reply.id.as_deref(), Some(other));
    let [change] = report.pack.changed.as_slice() else { panic!("{:?}", report.pack.changed) };
    assert_eq!((change.id.as_str(), change.before.id.as_ref()), (other, Some(&replies)));
    assert_eq!((change.after.id.as_deref(), change.after.text.as_str()), (Some(other), "The Philippine Sea"));
}

#[test]
fn outdated_objects_are_deleted_where_that_is_asked_for() {
    let pack = Changing::new(&some_facts(10, 1));
    let twelve = &some_facts(12, 1)[10..];
    let count = |path: &Path| files(&path.join("objects")).len();
    let report = pack.put(twelve).unwrap();
    assert_eq!(report.pack.outdated, 2, "shard and root page");
    assert_eq!(count(&pack.path()), report.pack.objects as usize + 2);
    let prune = ReviseOptions { prune: true, ..ReviseOptions::default() };
    let report = memorize_into(twelve, &pack.open(), &pack.target(), prune, &|_, _, _| ()).unwrap();
    assert_eq!((report.pack.outdated, count(&pack.path())), (2, report.pack.objects as usize));
    assert_eq!(wrong_replies(&pack.open(), &some_facts(12, 1)), [""; 0]);
}

#[test]
fn stored_wordings_are_told_by_their_hashes() {
    let pack = Changing::new(&[fact("x", &["What  is X?", "what is x", "The X"], "ten")]);
    let stored = &lists(&pack.open())[0].1[0];
    let hashes: Vec<WordingHash> = stored.wordings.iter().map(|wording| wording.hash).collect();
    assert_eq!(hashes, [WordingHash::of("What is X"), WordingHash::of("the x")]);
}
