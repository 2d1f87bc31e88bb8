//! What figures are about is not what readers are trained on: no contrast has a question of a test set, and none is among
//! those kept aside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use mome_build::Contrast;
use mome_pack::WordingHash;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// All files below a folder whose names end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files(&path, end) } else { vec![path] };
    entries.flat_map(below).filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

/// Every question and wording of tables in JSON lines.
fn questions(file: &Path) -> Vec<String> {
    let of_line = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let paraphrases = row["paraphrases"].as_array().cloned().unwrap_or_default();
        let texts = [row["question"].clone()].into_iter().chain(paraphrases);
        texts.filter_map(|text| text.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    fs::read_to_string(file).unwrap().lines().flat_map(of_line).collect()
}

fn contrasts(folder: &str) -> Vec<(PathBuf, Contrast)> {
    let files = files(&project(folder), ".txt");
    assert!(!files.is_empty());
    files
        .into_iter()
        .flat_map(|file| {
            Contrast::read(&file).unwrap().into_iter().map(move |contrast| (file.clone(), contrast))
        })
        .collect()
}

fn texts(contrast: &Contrast) -> impl Iterator<Item = &String> {
    contrast.same.iter().chain(&contrast.changed)
}

#[test]
fn no_contrast_has_a_question_of_a_test_set() {
    let tests = files(&project("crates/mome-build/tests/data"), ".jsonl");
    let asked: HashSet<WordingHash> = tests
        .iter()
        .chain(&files(&project("demo"), ".jsonl"))
        .flat_map(|file| questions(file))
        .map(|question| WordingHash::of(&question))
        .collect();
    assert!(asked.len() > 10_000, "{}", asked.len());
    for folder in ["contrasts", "contrasts-aside"] {
        for (file, contrast) in contrasts(&format!("crates/mome-train/data/{folder}")) {
            let known = texts(&contrast).find(|text| asked.contains(&WordingHash::of(text)));
            assert_eq!(known, None, "{}, in the block of `{}`", file.display(), contrast.same[0]);
        }
    }
}

#[test]
fn contrasts_kept_aside_are_none_of_those_trained_on() {
    let trained = contrasts("crates/mome-train/data/contrasts");
    let trained: HashSet<WordingHash> =
        trained.iter().map(|(_, contrast)| WordingHash::of(&contrast.same[0])).collect();
    for (file, contrast) in contrasts("crates/mome-train/data/contrasts-aside") {
        let known = trained.contains(&WordingHash::of(&contrast.same[0]));
        assert!(!known, "{}, `{}`", file.display(), contrast.same[0]);
    }
}
