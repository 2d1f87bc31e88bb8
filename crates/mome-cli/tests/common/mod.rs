//! What the tests of the command share: running it, and the pack of relations.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mome_pack::Digest;
use serde_json::Value;

/// The `mome` command.
pub fn mome() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mome"))
}

/// Runs the command with these arguments.
pub fn run(arguments: &[&str]) -> Output {
    mome().args(arguments).output().unwrap()
}

/// Runs the command with these arguments and `--json`, and reads the one object that it prints.
pub fn json(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = mome().args(arguments).arg("--json").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{text}{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), serde_json::from_str(&text).unwrap())
}

/// What the command says on standard error when it fails with 1, having printed nothing else.
pub fn failure(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    said
}

/// A file of the training crate's test data.
pub fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-train/tests/data").join(name).display().to_string()
}

/// A golden model.
pub fn golden(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-engine/tests/data").join(name).display().to_string()
}

/// The first `count` facts of the relations in a file, each with as many of its wordings as asked.
pub fn some_facts(directory: &Path, count: usize, wordings: usize) -> PathBuf {
    let table = fs::read_to_string(data("relations.jsonl")).unwrap();
    let lines = table.lines().take(count).map(|line| {
        let mut fact: Value = serde_json::from_str(line).unwrap();
        fact["paraphrases"].as_array_mut().unwrap().truncate(wordings - 1);
        fact.to_string() + "\n"
    });
    let file = directory.join("some-facts.jsonl");
    fs::write(&file, lines.collect::<String>()).unwrap();
    file
}

/// The pack of the 2,000 relations, and what `mome memorize` reported of it. It takes minutes to make, so all tests
/// share one, made afresh whenever the command or the table has changed.
pub fn relations() -> (String, Value) {
    let fixtures = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("fixtures");
    fs::create_dir_all(&fixtures).unwrap();
    let lock = fs::File::create(fixtures.join("relations.lock")).unwrap();
    lock.lock().unwrap();
    let (pack, report) = (fixtures.join("relations"), fixtures.join("relations.json"));
    let made_from = [env!("CARGO_BIN_EXE_mome").into(), data("relations.jsonl")]
        .map(|file| Digest::of(&fs::read(file).unwrap()).to_string())
        .join(" ");
    let stamp = fixtures.join("relations.stamp");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&made_from) {
        let _ = fs::remove_file(&stamp);
        let _ = fs::remove_dir_all(&pack);
        let out = pack.display().to_string();
        let (code, made) = json(&["memorize", &data("relations.jsonl"), "--out", &out, "--device", "cpu"]);
        assert_eq!(code, Some(0), "{made}");
        fs::write(&report, made.to_string()).unwrap();
        fs::write(&stamp, made_from).unwrap();
    }
    let report = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    (pack.display().to_string(), report)
}
