//! `mome memorize --into` and `mome forget`: their forms, and what they refuse.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{failure, golden, json, run};
use serde_json::{Value, json as value};
use tempfile::TempDir;

/// Writes a table of facts `(id, question, answer)`.
fn table(directory: &Path, name: &str, facts: &[(&str, &str, &str)]) -> String {
    let line = |(id, question, answer): &(&str, &str, &str)| {
        value!({"id": id, "question": question, "answer": answer}).to_string() + "\n"
    };
    let file = directory.join(name);
    fs::write(&file, facts.iter().map(line).collect::<String>()).unwrap();
    file.display().to_string()
}

/// A pack of three facts.
fn pack(directory: &TempDir, further: &[&str]) -> String {
    let facts = [
        ("fr", "What is the capital of France?", "Paris"),
        ("mn", "What is the capital of Mongolia?", "Ulaanbaatar"),
        ("mars", "How many moons has Mars?", "two"),
    ];
    let table = table(directory.path(), "facts.jsonl", &facts);
    let out = directory.path().join("pack").display().to_string();
    let (code, report) = json(&[&["memorize", &table, "--out", &out, "--device", "cpu"], further].concat());
    assert_eq!((code, &report["verified"]), (Some(0), &3.into()), "{report}");
    out
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn text(pack: &str, question: &str) -> Value {
    json(&["ask", "--pack", pack, "--device", "cpu", question]).1["text"].clone()
}

#[test]
fn facts_come_and_go() {
    let directory = TempDir::new().unwrap();
    let pack = pack(&directory, &[]);
    let further =
        [("no", "What is the capital of Norway?", "Oslo"), ("mars", "How many moons has Mars?", "2")];
    let further = table(directory.path(), "further.jsonl", &further);
    let (code, report) = json(&["memorize", &further, "--into", &pack, "--device", "cpu"]);
    assert_eq!(code, Some(0));
    let expected = [
        "added",
        "asked_again",
        "bytes",
        "changed",
        "facts",
        "failed",
        "max_loss",
        "objects",
        "outdated",
        "replaced",
        "resumed",
        "seconds",
        "sequence",
        "shards_written",
        "unchanged",
        "verified",
    ];
    assert_eq!(keys(&report), expected);
    assert_eq!(
        (&report["added"], &report["replaced"], &report["sequence"]),
        (&1.into(), &1.into(), &2.into())
    );
    assert_eq!(
        (text(&pack, "How many moons has Mars?"), text(&pack, "what is the capital of norway")),
        ("2".into(), "Oslo".into())
    );

    let (code, report) = json(&["forget", "--pack", &pack, "--device", "cpu", "fr", "mn", "fr"]);
    assert_eq!(code, Some(0));
    let expected = [
        "asked_again",
        "bytes",
        "changed",
        "forgotten",
        "objects",
        "outdated",
        "seconds",
        "sequence",
        "shards_written",
        "still_answered",
    ];
    assert_eq!(keys(&report), expected);
    assert_eq!((&report["forgotten"], &report["sequence"]), (&2.into(), &3.into()));
    assert_eq!(run(&["ask", "--pack", &pack, "What is the capital of France?"]).status.code(), Some(3));
    assert_eq!(text(&pack, "What is the capital of Norway?"), "Oslo");

    let said = failure(&["forget", "--pack", &pack, "--device", "cpu", "no", "fr", "nobody"]);
    assert!(said.contains("`fr`, `nobody`") && !said.contains("`no`"), "{said}");
    let in_words = run(&["forget", "--pack", &pack, "--device", "cpu", "--prune", "no"]);
    let in_words = String::from_utf8(in_words.stdout).unwrap();
    assert!(in_words.contains("1 facts forgotten") && in_words.contains("edition 4"), "{in_words}");
    assert!(in_words.contains("objects of earlier editions were deleted"), "{in_words}");
    assert_eq!(json(&["inspect", &pack]).1["counts"]["facts"], 1);
}

#[test]
fn a_changed_reply_is_told_in_words() {
    let directory = TempDir::new().unwrap();
    let pack = pack(&directory, &[]);
    let twin =
        table(directory.path(), "twin.jsonl", &[("france", "What is the capital of France?", "Paris")]);
    json(&["memorize", &twin, "--into", &pack, "--device", "cpu"]);
    let (_, answer) = json(&["ask", "--pack", &pack, "--device", "cpu", "What is the capital of France?"]);
    let replies = answer["facts"][0]["id"].as_str().unwrap();
    let output = run(&["forget", "--pack", &pack, "--device", "cpu", replies]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("1 reply otherwise than before"), "{said}");
    assert!(said.contains(&format!("before: Paris ({replies})")), "{said}");
    assert!(said.contains("is answered from another fact: Paris"), "{said}");
}

#[test]
fn a_contradiction_names_both_facts() {
    let directory = TempDir::new().unwrap();
    let pack = pack(&directory, &[]);
    let wrong = table(directory.path(), "wrong.jsonl", &[("lyon", "what is the capital of france", "Lyon")]);
    let said = failure(&["memorize", &wrong, "--into", &pack, "--device", "cpu"]);
    assert!(said.contains("`lyon` and `fr`") && said.contains("what is the capital of france"), "{said}");
    assert_eq!(json(&["inspect", &pack]).1["sequence"], 1);
}

#[test]
fn a_pack_on_another_backbone_is_changed_with_its_own() {
    let directory = TempDir::new().unwrap();
    let pack = pack(&directory, &["--backbone", &golden("qwen2-q4_0.gguf")]);
    let further =
        table(directory.path(), "further.jsonl", &[("no", "What is the capital of Norway?", "Oslo")]);
    let (code, report) = json(&["memorize", &further, "--into", &pack, "--device", "cpu"]);
    assert_eq!((code, &report["verified"]), (Some(0), &1.into()), "{report}");
    assert_eq!(text(&pack, "What is the capital of Norway?"), "Oslo");
    assert_eq!(json(&["forget", "--pack", &pack, "--device", "cpu", "fr"]).0, Some(0));
}

#[test]
fn arguments_that_do_not_fit_together_are_refused() {
    let directory = TempDir::new().unwrap();
    let facts = table(directory.path(), "facts.jsonl", &[("x", "Who?", "Ann")]);
    let out = directory.path().join("pack").display().to_string();
    let wrong: [&[&str]; 5] = [
        &["memorize", &facts],
        &["memorize", &facts, "--out", &out, "--into", &out],
        &["memorize", &facts, "--into", &out, "--alpha", "0.05"],
        &["memorize", &facts, "--into", &out, "--backbone", "x.gguf"],
        &["forget", "--pack", &out],
    ];
    for arguments in wrong {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let said = failure(&["memorize", &facts, "--into", &out]);
    assert!(said.contains("no such folder"), "{said}");
    assert!(!PathBuf::from(out).exists());
}
