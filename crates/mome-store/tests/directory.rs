//! The store over a directory.

#![allow(clippy::unwrap_used, reason = "what should not fail in a test is to fail it")]

use std::fs;
use std::path::Path;

use mome_pack::Link;
use mome_store::{DirectorySource, FileProblem, Freshness, Source, SourceError, Store, StoreError};
use pollster::block_on;
use tempfile::TempDir;

const OBJECT: &[u8] = b"an expert shard";

fn pack(object: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(Link::to(OBJECT).digest.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, object).unwrap();
    fs::write(folder.path().join("mome.json"), b"{}").unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn problem(store: &Store, link: &Link) -> FileProblem {
    match block_on(store.object(link)) {
        Err(StoreError::File { problem, path, .. }) if path == link.digest.path() => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pack_is_found_by_its_folder_its_manifest_or_its_address() {
    let pack = pack(OBJECT);
    let folder = text(pack.path());
    for location in
        [folder.into(), format!("{folder}/"), format!("{folder}/mome.json"), format!("file://{folder}")]
    {
        let store = Store::open(&location).unwrap();
        assert_eq!(block_on(store.manifest()).unwrap(), b"{}");
        for _ in 0..2 {
            assert_eq!(&*block_on(store.object(&Link::to(OBJECT))).unwrap().bytes, OBJECT);
        }
        assert_eq!((store.fetched().objects, store.fetched().bytes), (1, 15));
    }
}

#[test]
fn a_missing_folder_or_file_is_an_error_that_names_it() {
    let pack = pack(OBJECT);
    let missing = pack.path().join("missing");
    let error = Store::open(text(&missing)).err().unwrap().to_string();
    assert!(error.contains(text(&missing)) && error.contains("no such folder"), "{error}");
    let store = Store::open(text(pack.path())).unwrap();
    assert_eq!(problem(&store, &Link::to(b"another")), SourceError::Missing.into());
}

#[test]
fn changed_files_are_errors() {
    let link = Link::to(OBJECT);
    let longer = [OBJECT, b"!"].concat();
    assert_eq!(
        problem(&Store::open(text(pack(&longer).path())).unwrap(), &link),
        SourceError::TooLong { limit: 15, html: false }.into()
    );
    let shorter = pack(&OBJECT[1..]);
    let store = Store::open(text(shorter.path())).unwrap();
    assert_eq!(problem(&store, &link), FileProblem::Length { expected: 15, found: 14 });
    let changed = pack(b"an expert shark");
    let store = Store::open(text(changed.path())).unwrap();
    assert_eq!(problem(&store, &link), FileProblem::Digest { found: Link::to(b"an expert shark").digest });
    // Nothing of it was kept: put right, it is read.
    fs::write(changed.path().join(link.digest.path()), OBJECT).unwrap();
    assert_eq!(&*block_on(store.object(&link)).unwrap().bytes, OBJECT);
}

#[test]
fn a_path_stays_inside_the_pack() {
    let outer = pack(OBJECT);
    let inner = outer.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("mome.json"), b"{}").unwrap();
    let source = DirectorySource::new(&inner).unwrap();
    let absolute = outer.path().join("mome.json");
    for path in ["../mome.json", "objects/../../mome.json", "./mome.json/..", text(&absolute)] {
        let outcome = block_on(source.get(path, 100, Freshness::Immutable));
        assert_eq!(outcome, Err(SourceError::Outside), "{path}");
    }
    assert_eq!(block_on(source.get("mome.json", 2, Freshness::Immutable)).unwrap(), b"{}");
}

#[test]
fn a_folder_in_place_of_a_file_is_an_error() {
    let pack = pack(OBJECT);
    let source = DirectorySource::new(pack.path()).unwrap();
    let outcome = block_on(source.get("objects", 100, Freshness::Immutable));
    assert!(matches!(outcome, Err(SourceError::Transport(_))), "{outcome:?}");
}
