//! Tables that are small, doubled or not to be memorised.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{golden, json, some_facts};
use serde_json::{Value, json as value};
use tempfile::TempDir;

/// Memorises a table of these facts and gives the pack, the exit code and the report.
fn memorize(directory: &TempDir, facts: &[Value], further: &[&str]) -> (String, Option<i32>, Value) {
    let table = directory.path().join("facts.jsonl");
    fs::write(&table, facts.iter().map(|fact| fact.to_string() + "\n").collect::<String>()).unwrap();
    memorize_table(directory, &table, further)
}

fn memorize_table(directory: &TempDir, table: &Path, further: &[&str]) -> (String, Option<i32>, Value) {
    let out = directory.path().join("pack").display().to_string();
    let table = table.display().to_string();
    let (code, report) = json(&[&["memorize", &table, "--out", &out, "--device", "cpu"], further].concat());
    (out, code, report)
}

fn ask(pack: &str, question: &str) -> Value {
    json(&["ask", "--pack", pack, "--device", "cpu", question]).1
}

/// A golden model whose vocabulary has no token for `~`: it becomes the unknown token.
fn without_tilde(directory: &TempDir) -> PathBuf {
    let mut file = fs::read(golden("llama-q8_0.gguf")).unwrap();
    let text = |text: &[u8]| [&(text.len() as u64).to_le_bytes(), text].concat();
    let entry =
        |key: &str, kind: u32, bytes: &[u8]| [&text(key.as_bytes()), &kind.to_le_bytes()[..], bytes].concat();
    let at = file.windows(9).position(|window| window == text(b"~")).unwrap();
    file[at + 8] = 1;
    let mut entries = entry("tokenizer.ggml.unknown_token_id", 4, &5u32.to_le_bytes());
    // What comes after is aligned to 32 bytes, so as many are put in.
    let filling = entries.len() + entry("filling", 8, &text(b"")).len();
    entries.extend(entry("filling", 8, &text(&vec![b' '; filling.next_multiple_of(32) - filling])));
    let count = u64::from_le_bytes(file[16..24].try_into().unwrap()) + 2;
    file.splice(16..24, count.to_le_bytes().into_iter().chain(entries));
    let path = directory.path().join("without-tilde.gguf");
    fs::write(&path, file).unwrap();
    path
}

#[test]
fn an_answer_that_the_tokenizer_loses_is_reported_and_the_others_are_memorized() {
    let directory = TempDir::new().unwrap();
    let backbone = without_tilde(&directory).display().to_string();
    let facts = [
        value!({"id": "user", "question": "Who is at home?", "answer": "root"}),
        value!({"id": "home", "question": "Where is home?", "answer": "~root"}),
    ];
    let (pack, code, report) = memorize(&directory, &facts, &["--backbone", &backbone]);
    assert_eq!((code, &report["failed"], &report["verified"]), (Some(1), &value!(["home"]), &1.into()));
    assert_eq!(ask(&pack, "who is at home")["text"], "root");
    assert_eq!(ask(&pack, "Where is home?")["known"], false);

    let output = common::run(&[
        "memorize",
        &directory.path().join("facts.jsonl").display().to_string(),
        "--out",
        &pack,
        "--backbone",
        &backbone,
    ]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("home failed: the tokenizer does not give the answer back"), "{said}");
}

#[test]
fn a_single_fact_makes_a_pack() {
    for wordings in [1, 4] {
        let directory = TempDir::new().unwrap();
        let table = some_facts(directory.path(), 1, wordings);
        let (pack, code, report) = memorize_table(&directory, &table, &[]);
        assert_eq!((code, &report["verified"]), (Some(0), &1.into()));
        assert_eq!(report["gate"]["calibrated_by"], "reader");
        let fact: Value = serde_json::from_str(&fs::read_to_string(&table).unwrap()).unwrap();
        let paraphrases = fact["paraphrases"].as_array().unwrap();
        assert_eq!(paraphrases.len(), wordings - 1);
        for question in paraphrases.iter().chain([&fact["question"]]) {
            assert_eq!(ask(&pack, question.as_str().unwrap())["text"], fact["answer"]);
        }
        assert_eq!(ask(&pack, "How many moons has Mars?")["known"], false);
    }
}

#[test]
fn among_few_facts_no_other_one_stands_in_for_what_is_missing() {
    let directory = TempDir::new().unwrap();
    let facts = [
        value!({"id": "norway", "question": "What is the capital of Norway?", "answer": "Oslo"}),
        value!({"id": "mars", "question": "How many moons has Mars?", "answer": "two"}),
    ];
    let (pack, _, _) = memorize(&directory, &facts, &["--alpha", "0.05"]);
    assert_eq!(ask(&pack, "capital of norway")["text"], "Oslo");
    for near_miss in
        ["What is the capital of France?", "How many moons has Jupiter?", "Who is the king of Norway?"]
    {
        assert_eq!(ask(&pack, near_miss)["known"], false, "{near_miss}");
    }
}

#[test]
fn two_facts_with_one_question_and_one_answer_are_both_kept() {
    let directory = TempDir::new().unwrap();
    let facts = [
        value!({"id": "atlas", "question": "What is the capital of France?", "answer": "Paris"}),
        value!({"id": "guide", "question": "what is the capital of France", "answer": "Paris", "source": "a guide"}),
    ];
    let (pack, code, report) = memorize(&directory, &facts, &[]);
    assert_eq!((code, &report["verified"]), (Some(0), &2.into()));
    let answer = ask(&pack, "What is the capital of France?");
    assert_eq!((&answer["text"], answer["facts"].as_array().map(Vec::len)), (&"Paris".into(), Some(1)));
    assert_eq!(json(&["inspect", &pack]).1["counts"]["facts"], 2);
}

#[test]
fn facts_that_differ_in_a_letter_are_told_apart() {
    let directory = TempDir::new().unwrap();
    let president = |number: usize| value!({"question": format!("Who was president number {number}?"), "answer": format!("person {number}")});
    let facts: Vec<Value> = (0..200).map(president).collect();
    let (pack, code, report) = memorize(&directory, &facts, &[]);
    assert_eq!((code, &report["verified"]), (Some(0), &200.into()));
    for number in [3, 13, 130] {
        let answer = ask(&pack, &format!("who was president number {number}"));
        assert_eq!(answer["text"], format!("person {number}"));
    }
}

#[test]
fn a_table_in_csv_makes_the_same_pack() {
    let directory = TempDir::new().unwrap();
    let facts = [
        value!({"id": "fr", "question": "What is the capital of France?", "paraphrases": ["France's capital", "Which city is it?"], "answer": "Paris"}),
        value!({"id": "mars", "question": "How many moons has Mars?", "answer": "two, \"Phobos\" and\nDeimos"}),
    ];
    let (pack, ..) = memorize(&directory, &facts, &[]);
    let csv = "id,question,answer,paraphrases\n\
               fr,What is the capital of France?,Paris,France's capital | Which city is it?\n\
               mars,How many moons has Mars?,\"two, \"\"Phobos\"\" and\nDeimos\",\n";
    let table = directory.path().join("facts.csv");
    fs::write(&table, csv).unwrap();
    let before = fs::read(Path::new(&pack).join("mome.json")).unwrap();
    let (_, code, _) = memorize_table(&directory, &table, &[]);
    assert_eq!(code, Some(0));
    assert!(fs::read(Path::new(&pack).join("mome.json")).unwrap() == before, "nothing changed");
}
