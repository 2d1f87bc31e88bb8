//! What the tests of the command share: running it, the backbone that comes with it, facts that are hard to memorise,
//! and packs that take long to make.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use mome::{EncoderReader, Mome, Pack, ReaderFiles, Store};
use mome_build::{Directory, Fact, MemorizeOptions, Models, Report, memorize};
use mome_engine::{DeviceChoice, open, open_encoder};
use mome_pack::{Digest, Query};
use pollster::block_on;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
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

/// A file of the test data of the crate that makes packs.
pub fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-build/tests/data").join(name).display().to_string()
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

/// The pack of the 2,000 relations, and what `mome memorize` reported of it.
pub fn relations() -> (String, Value) {
    shared_pack("relations", &[])
}

/// The pack of a table of the test data, and what `mome memorize` reported of it. Some take minutes to make, so all tests
/// share one, made afresh whenever the command or the table has changed.
pub fn shared_pack(table: &str, options: &[&str]) -> (String, Value) {
    let file = data(&format!("{table}.jsonl"));
    let fixture = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("fixtures").join(table);
    fs::create_dir_all(fixture.parent().unwrap()).unwrap();
    let lock = fs::File::create(fixture.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let (report, stamp) = (fixture.with_extension("json"), fixture.with_extension("stamp"));
    let made_from =
        [env!("CARGO_BIN_EXE_mome"), &file].map(|file| Digest::of(&fs::read(file).unwrap()).to_string());
    let made_from =
        [&made_from[..], &options.iter().map(ToString::to_string).collect::<Vec<_>>()].concat().join(" ");
    let out = fixture.display().to_string();
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&made_from) {
        let _ = fs::remove_file(&stamp);
        let _ = fs::remove_dir_all(&fixture);
        let (code, made) = json(&[&["memorize", &file, "--out", &out, "--device", "cpu"], options].concat());
        assert_eq!(code, Some(0), "{made}");
        fs::write(&report, made.to_string()).unwrap();
        fs::write(&stamp, made_from).unwrap();
    }
    (out, serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap())
}

/// A file of the models that come with the command.
pub fn model_data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-backbone/data").join(name)).unwrap()
}

/// The models that come with the command, on this device.
pub fn models_on(device: DeviceChoice) -> Models {
    let backbone = model_data("mome-tiny-q8_0.gguf");
    let files = ReaderFiles {
        encoder: model_data("all-minilm-l6-v2-q8_0.gguf").into(),
        reranker: Some(model_data("reranker-q8_0.gguf").into()),
    };
    let encoder = block_on(open_encoder(&files.encoder, files.reranker.as_deref(), device)).unwrap();
    Models {
        executor: block_on(open(&backbone, device)).unwrap().executor,
        query: Some(Query::decode(&model_data("mome-tiny-q8_0.query")).unwrap()),
        backbone: backbone.into(),
        reader: Arc::new(EncoderReader::new(encoder.executor, "")),
        reader_files: files,
        reader_gate: Some(serde_json::from_slice(&model_data("reader.gate.json")).unwrap()),
    }
}

/// Memorises these facts on the CPU, with the models that come with the command, and opens the pack.
pub fn memorized(facts: &[Fact], out: &Path) -> (Mome, Report) {
    let models = models_on(DeviceChoice::Cpu);
    let options = MemorizeOptions { pack: "test".into(), alpha: 0.01, seed: 0 };
    let report = memorize(facts, &models, &Directory::new(out), &options, &|_, _, _| ()).unwrap();
    (opened(out, &models), report)
}

/// The pack in this folder, ready to answer.
pub fn opened(pack: &Path, models: &Models) -> Mome {
    let pack = block_on(Pack::open(Store::of_directory(pack).unwrap())).unwrap();
    Mome::new(pack, models.reader.clone(), models.executor.clone(), None, None).unwrap()
}

/// A fact without a source.
pub fn fact(id: impl Into<String>, wordings: &[&str], answer: impl Into<String>) -> Fact {
    let wordings = wordings.iter().map(|&wording| wording.to_owned()).collect();
    Fact { id: id.into(), wordings, answer: answer.into(), source: None }
}

/// So many characters, each one of `from`.
pub fn random_text(random: &mut ChaCha8Rng, from: &str, length: usize) -> String {
    let from: Vec<char> = from.chars().collect();
    (0..length).map(|_| from[random.random_range(0..from.len())]).collect()
}

/// Facts whose answers are 32 random characters, `from` being the first one's number.
pub fn random_strings(from: usize, count: usize) -> Vec<Fact> {
    const LETTERS: &str =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+-./:;<=>?@[]^_{|}~";
    let one = |number: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(number as u64);
        let question = format!("What is the token of machine {number}?");
        fact(format!("random-{number}"), &[&question], random_text(&mut random, LETTERS, 32))
    };
    (from..from + count).map(one).collect()
}
