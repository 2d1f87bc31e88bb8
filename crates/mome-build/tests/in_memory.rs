//! A pack that is made in memory, as in a page, is the pack that is made in a folder.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::collections::BTreeMap;

use common::{fact, files, models, options, some_facts};
use mome::{AnswerOptions, Mome, Pack};
use mome_build::{Directory, Memory, ReviseOptions, Target as _, forget, memorize, memorize_into};
use mome_pack::Manifest;
use pollster::block_on;
use tempfile::TempDir;

#[test]
fn a_pack_in_memory_has_the_objects_of_one_in_a_folder() {
    let (models, facts) = (models(), some_facts(5, 2));
    let memory = Memory::new();
    let report = memorize(&facts, &models, &memory, &options(), &|_, _, _| ()).unwrap();
    assert_eq!((report.memorized, report.verified), (5, 5));

    let directory = TempDir::new().unwrap();
    let folder = Directory::new(directory.path());
    memorize(&facts, &models, &folder, &options(), &|_, _, _| ()).unwrap();
    let root = format!("{}/", directory.path().display());
    let written = files(directory.path()).into_iter();
    let mut written: BTreeMap<String, Vec<u8>> =
        written.map(|(path, bytes)| (path.strip_prefix(&root).unwrap().to_owned(), bytes)).collect();
    let manifest = Manifest::decode(&written.remove("mome.json").unwrap()).unwrap();
    let in_memory = Manifest::decode(&memory.files().file("mome.json").unwrap()).unwrap();
    assert_eq!(Manifest { created: manifest.created, ..in_memory }, manifest);
    assert_eq!(memory.files().paths().len(), written.len() + 1);
    for (path, bytes) in written {
        assert_eq!(memory.files().file(&path).as_deref(), Some(&bytes[..]), "{path}");
    }
}

#[test]
fn a_pack_in_memory_is_asked_and_changed() {
    let (models, facts) = (models(), some_facts(4, 1));
    let memory = Memory::new();
    memorize(&facts, &models, &memory, &options(), &|_, _, _| ()).unwrap();
    let open = || {
        let pack = block_on(Pack::open(memory.store().unwrap())).unwrap();
        Mome::new(pack, models.reader.clone(), models.executor.clone(), None, None).unwrap()
    };
    let taught = [fact("taught", &["What was taught just now?"], "A fact.")];
    let report = memorize_into(&taught, &open(), &memory, ReviseOptions::default(), &|_, _, _| ()).unwrap();
    assert_eq!((report.added, report.verified), (1, 1));
    let ask = || block_on(open().answer("What was taught just now?", &AnswerOptions::default())).unwrap();
    assert_eq!(ask().text, "A fact.");

    let prune = ReviseOptions { prune: true, ..ReviseOptions::default() };
    forget(&["taught".to_owned()], &open(), &memory, prune, &|_, _, _| ()).unwrap();
    assert!(!ask().known);
    assert_eq!(memory.objects().unwrap().len(), memory.files().paths().len() - 1, "objects and the manifest");
}
