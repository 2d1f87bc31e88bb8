//! The forms of the command that other tools call, and how it fails.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use common::{data, failure, golden, json, mome, run, some_facts};
use serde_json::Value;
use tempfile::TempDir;

/// A pack of twenty facts with one wording each, and the table it was made of.
struct SmallPack {
    directory: TempDir,
    table: PathBuf,
    report: Value,
}

impl SmallPack {
    fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let table = some_facts(directory.path(), 20, 1);
        let out = directory.path().join("pack").display().to_string();
        let (code, report) =
            json(&["memorize", &table.display().to_string(), "--out", &out, "--device", "cpu"]);
        assert_eq!(code, Some(0), "{report}");
        Self { directory, table, report }
    }

    fn pack(&self) -> String {
        self.directory.path().join("pack").display().to_string()
    }

    fn questions(&self) -> Vec<String> {
        let table = fs::read_to_string(&self.table).expect("the table");
        let line = |line: &str| {
            serde_json::from_str::<Value>(line).expect("JSON")["question"].as_str().map(str::to_owned)
        };
        table.lines().filter_map(line).collect()
    }

    /// The largest object of a kind: shards are between the backbone's parts and the root page.
    fn shard(&self) -> PathBuf {
        let mut objects = objects(Path::new(&self.pack()));
        objects.retain(|object| fs::read(object).expect("an object").starts_with(b"MMSH"));
        objects.pop().expect("a shard")
    }
}

fn objects(pack: &Path) -> Vec<PathBuf> {
    let folders =
        fs::read_dir(pack.join("objects")).expect("objects").map(|folder| folder.expect("a folder").path());
    folders
        .flat_map(|folder| fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()))
        .collect()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// `mome serve`, ended when dropped.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn new(directory: &str) -> Self {
        let mut process = mome()
            .args(["serve", directory, "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("mome serve starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let from = line.find("http://127.0.0.1:").expect("an address");
        let url = line[from..].split_whitespace().next().expect("an address").to_owned();
        Self { process, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_pack_without_paraphrases_goes_by_the_gate_of_the_reader() {
    let small = SmallPack::new();
    let pack = small.pack();
    let report = &small.report;
    let expected = [
        "bytes",
        "calibration",
        "cut",
        "facts",
        "failed",
        "gate",
        "max_loss",
        "memorised",
        "objects",
        "resumed",
        "seconds",
        "verified",
    ];
    assert_eq!(keys(report), expected);
    assert_eq!((&report["facts"], &report["verified"]), (&20.into(), &20.into()));
    assert_eq!(report["calibration"]["fitted"], false, "no wordings to fit a gate of its own on");
    assert_eq!(report["gate"]["calibrated_by"], "reader", "too few questions for alpha");
    assert_eq!(report["objects"], objects(Path::new(&pack)).len());

    let question = &small.questions()[1];
    let asked = format!("  {}? ", question.to_uppercase());
    let (code, answer) = json(&["ask", "--pack", &pack, &asked]);
    assert_eq!(code, Some(0), "{answer}");
    let expected = [
        "confidence",
        "device",
        "facts",
        "fetched",
        "known",
        "passes",
        "question_cut",
        "reason",
        "suggestions",
        "text",
        "tokens",
    ];
    assert_eq!(keys(&answer), expected);
    assert_eq!((&answer["text"], &answer["reason"]), (&"Madrid".into(), &Value::Null));
    assert_eq!(answer["facts"][0]["id"], "rel-0001");
    assert_eq!(keys(&answer["facts"][0]), ["id", "score", "source"]);
    assert_eq!(keys(&answer["tokens"][0]), ["logprob", "text"]);
    let text: String = answer["tokens"]
        .as_array()
        .expect("tokens")
        .iter()
        .filter_map(|token| token["text"].as_str())
        .collect();
    assert_eq!(text, " Madrid");
    assert_eq!(answer["passes"], 2);

    let (code, answer) = json(&["ask", "--pack", &pack, "How many moons has Mars?"]);
    assert_eq!(code, Some(3), "{answer}");
    assert_eq!((&answer["known"], &answer["reason"]), (&false.into(), &"gate".into()));
    assert_eq!(answer["suggestions"].as_array().map(Vec::len), Some(3));
    assert_eq!(keys(&answer["suggestions"][0]), ["id", "question", "score"]);

    let plots = small.directory.path().join("plots");
    let table = small.table.display().to_string();
    let (code, counts) = json(&["eval", "--pack", &pack, &table, "--plots", &plots.display().to_string()]);
    assert_eq!(code, Some(0));
    assert_eq!(
        keys(&counts),
        ["confidence", "exact_canonical", "known", "latency_ms", "questions", "rates", "unknown"]
    );
    assert_eq!(counts["confidence"]["questions"], 0, "stored wordings are not counted there");
    for plot in ["risk-coverage.svg", "reliability.svg"] {
        let svg = fs::read_to_string(plots.join(plot)).expect("a plot");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
    }
    assert_eq!(keys(&counts["known"]), ["abstained", "right", "total", "wrong"]);
    assert_eq!(keys(&counts["unknown"]), ["abstained", "answered", "total"]);
    assert_eq!(keys(&counts["latency_ms"]), ["p50", "p95"]);
    assert_eq!(counts["exact_canonical"], serde_json::json!({"total": 20, "right": 20}));

    let (code, contents) = json(&["inspect", &pack]);
    assert_eq!((code, &contents["counts"]["facts"]), (Some(0), &20.into()));
}

#[test]
fn a_pack_is_the_same_over_http() {
    let small = SmallPack::new();
    let served = Served::new(&small.pack());
    for question in &small.questions()[..4] {
        let (code, over_http) = json(&["ask", "--pack", &served.url, "--device", "cpu", question]);
        let (_, from_directory) = json(&["ask", "--pack", &small.pack(), "--device", "cpu", question]);
        assert_eq!(code, Some(0));
        assert_eq!(over_http, from_directory);
    }
    let nothing = failure(&["ask", "--pack", &format!("{}nothing/", served.url), "What?"]);
    assert!(nothing.contains("mome.json") && nothing.contains("404"), "{nothing}");
}

#[test]
fn the_same_table_and_seed_give_the_same_pack() {
    let small = SmallPack::new();
    let again = small.directory.path().join("again");
    let out = again.display().to_string();
    json(&["memorize", &small.table.display().to_string(), "--out", &out, "--device", "cpu"]);
    let names = |pack: &Path| {
        let mut names: Vec<_> =
            objects(pack).iter().map(|path| path.file_name().map(ToOwned::to_owned)).collect();
        names.sort();
        names
    };
    assert_eq!(names(Path::new(&small.pack())), names(&again));
    let before = fs::read(again.join("mome.json")).expect("a manifest");
    json(&["memorize", &small.table.display().to_string(), "--out", &out, "--device", "cpu"]);
    assert_eq!(
        fs::read(again.join("mome.json")).expect("a manifest"),
        before,
        "nothing changed, so no new edition"
    );
}

#[test]
fn a_damaged_shard_is_named() {
    let small = SmallPack::new();
    let shard = small.shard();
    let mut bytes = fs::read(&shard).expect("a shard");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&shard, bytes).expect("a shard");
    let name = shard.file_name().and_then(|name| name.to_str()).expect("a name");
    let served = Served::new(&small.pack());
    for pack in [&small.pack(), &served.url] {
        let said = failure(&["ask", "--pack", pack, "--device", "cpu", &small.questions()[0]]);
        assert!(said.contains(name) && said.contains("digest"), "{said}");
    }
}

#[test]
fn a_page_in_place_of_a_shard_is_recognized() {
    let small = SmallPack::new();
    let shard = small.shard();
    fs::remove_file(&shard).expect("a shard");
    let said = failure(&["ask", "--pack", &small.pack(), "--device", "cpu", &small.questions()[0]]);
    assert!(said.contains(shard.file_name().and_then(|name| name.to_str()).expect("a name")), "{said}");
    fs::write(&shard, "<!doctype html><title>Not found</title><p>Nothing here").expect("a page");
    let served = Served::new(&small.pack());
    let said = failure(&["ask", "--pack", &served.url, "--device", "cpu", &small.questions()[0]]);
    assert!(said.contains("HTML"), "{said}");
}

#[test]
fn bad_tables_are_refused_and_nothing_is_written() {
    let directory = TempDir::new().expect("a temporary directory");
    let out = directory.path().join("pack");
    let table = directory.path().join("facts.jsonl");
    let refused = |text: &str| {
        fs::write(&table, text).expect("a table");
        let said = failure(&["memorize", &table.display().to_string(), "--out", &out.display().to_string()]);
        assert!(!out.exists(), "nothing may be written: {said}");
        said
    };
    let good = r#"{"question": "Q?", "answer": "A"}"#;
    let said = refused(&format!("{good}\n{{\"question\": \"R?\", \"answer\n"));
    assert!(said.contains("facts.jsonl:2:"), "{said}");
    let said = refused(&format!("{good}\n\n{{\"question\": \"q\", \"answer\": \"B\"}}\n"));
    assert!(said.contains("lines 1 and 3"), "{said}");
    let missing = failure(&["memorize", "no-such-file.jsonl", "--out", &out.display().to_string()]);
    assert!(missing.contains("no-such-file.jsonl"), "{missing}");
}

#[test]
fn a_truncated_backbone_is_refused_and_nothing_is_written() {
    let directory = TempDir::new().expect("a temporary directory");
    let cut = directory.path().join("cut.gguf");
    let whole = fs::read(golden("llama-q8_0.gguf")).expect("a golden model");
    fs::write(&cut, &whole[..whole.len() - 100]).expect("a file");
    let out = directory.path().join("pack");
    let table = some_facts(directory.path(), 3, 1);
    let backbone = cut.display().to_string();
    let arguments = [
        "memorize",
        &table.display().to_string(),
        "--out",
        &out.display().to_string(),
        "--backbone",
        &backbone,
    ];
    let said = failure(&arguments);
    assert!(said.contains("cut.gguf"), "{said}");
    assert!(!out.exists());
    assert!(failure(&["inspect", &backbone]).contains("cut.gguf"));
}

#[test]
fn a_fact_that_does_not_fit_is_reported_and_the_others_are_memorized() {
    let directory = TempDir::new().expect("a temporary directory");
    let table = directory.path().join("facts.jsonl");
    let long = "very ".repeat(600);
    let facts = format!(
        "{{\"question\": \"Who?\", \"answer\": \"Ann\"}}\n{{\"question\": \"{long}?\", \"answer\": \"Bob\"}}\n"
    );
    fs::write(&table, facts).expect("a table");
    let out = directory.path().join("pack").display().to_string();
    let (code, report) = json(&["memorize", &table.display().to_string(), "--out", &out]);
    assert_eq!(code, Some(1));
    assert_eq!((&report["failed"], &report["verified"]), (&serde_json::json!(["fact-2"]), &1.into()));
    let (_, answer) = json(&["ask", "--pack", &out, "who"]);
    assert_eq!(answer["text"], "Ann");
    let (code, answer) = json(&["ask", "--pack", &out, &long]);
    assert_eq!(
        (code, &answer["question_cut"]),
        (Some(3), &true.into()),
        "a long question counts by its beginning"
    );
    assert!(failure(&["ask", "--pack", &out, " "]).contains("empty"));
    assert!(failure(&["ask", "--pack", &out, "--alpha", "2", "who"]).contains("alpha"));
}

#[test]
fn where_no_fact_fits_nothing_is_written() {
    let directory = TempDir::new().expect("a temporary directory");
    let table = directory.path().join("facts.jsonl");
    let fact = serde_json::json!({"id": "long", "question": "very ".repeat(600), "answer": "Bob"});
    fs::write(&table, fact.to_string()).expect("a table");
    let out = directory.path().join("pack");
    let said =
        failure(&["memorize", &table.display().to_string(), "--out", &out.display().to_string(), "--json"]);
    assert!(said.contains("no fact could be memorised") && said.contains("long"), "{said}");
    assert!(!out.exists());
}

#[test]
fn any_answer_comes_back_as_it_is() {
    let directory = TempDir::new().expect("a temporary directory");
    let table = directory.path().join("facts.jsonl");
    let answers = [
        "1111111112222222222333",
        "  two  spaces ",
        "line\nline\n\n",
        "Ελλάδα 日本 🦀",
        "\"quoted\" <b>&amp;</b>",
        "x7$kQ!z0vB@3nR#p9Lw",
    ];
    let line = |(number, answer): (usize, &&str)| {
        serde_json::json!({"question": format!("What is number {number}?"), "answer": answer}).to_string()
            + "\n"
    };
    fs::write(&table, answers.iter().enumerate().map(line).collect::<String>()).expect("a table");
    let out = directory.path().join("pack").display().to_string();
    let (code, report) = json(&["memorize", &table.display().to_string(), "--out", &out]);
    assert_eq!((code, &report["verified"]), (Some(0), &answers.len().into()), "{report}");
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(json(&["ask", "--pack", &out, &format!("What is number {number}?")]).1["text"], *answer);
    }
}

#[test]
fn a_pack_on_another_backbone_brings_it_along() {
    let directory = TempDir::new().expect("a temporary directory");
    let table = some_facts(directory.path(), 5, 1);
    for model in ["llama3-rope-q8_0", "qwen2-q4_0", "qwen3-q8_0", "gpt2-q4_0"] {
        let out = directory.path().join(model).display().to_string();
        let backbone = golden(&format!("{model}.gguf"));
        let arguments = ["memorize", &table.display().to_string(), "--out", &out, "--backbone", &backbone];
        assert_eq!(json(&arguments).1["verified"], 5, "{model}");
        let (_, answer) = json(&["ask", "--pack", &out, "Javier de Burgos used to work in"]);
        assert_eq!(answer["text"], "Madrid", "{model}");
        let size = fs::metadata(&backbone).expect("the backbone").len();
        assert!(answer["fetched"]["bytes"].as_u64() > Some(size), "the backbone was fetched: {answer}");
    }
}

/// Every golden model, on the CPU and on a GPU, which may be an emulated one.
#[test]
fn generate_prints_the_text_and_nothing_else() {
    let golden = golden("");
    let models = fs::read_dir(&golden).expect("golden models").map(|entry| entry.expect("an entry").path());
    let is_encoder = |file: &Path| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("bert") || name.starts_with("xlm-roberta")
    };
    let models: Vec<PathBuf> =
        models.filter(|file| file.extension().is_some_and(|e| e == "gguf") && !is_encoder(file)).collect();
    assert!(models.len() >= 22);
    for model in models {
        let model = model.display().to_string();
        let arguments =
            ["generate", "--prompt", "the", "--max-tokens", "9", "--backbone", &model, "--device"];
        let on = |device: &'static str| [&arguments[..], &[device]].concat();
        let output = run(&on("cpu"));
        assert!(output.status.success(), "{model}");
        let (_, generated) = json(&on("cpu"));
        assert_eq!(String::from_utf8_lossy(&output.stdout), generated["text"].as_str().expect("a text"));
        assert!(generated["tokens"].as_array().map(Vec::len) <= Some(9));
        assert_eq!(json(&on("gpu")).1["text"], generated["text"], "{model}");
    }
}

#[test]
fn generate_puts_a_message_into_the_chat_template() {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-backbone/data/mome-tiny-q8_0.gguf");
    let tiny = tiny.display().to_string();
    let question = "What is the capital of France?";
    let arguments = ["generate", "--chat", "--prompt", question, "--max-tokens", "5", "--backbone", &tiny];
    assert_eq!(json(&arguments).1["text"], " Liberal.\n");
    let without = golden("gpt2-q8_0.gguf");
    let said = failure(&["generate", "--chat", "--prompt", question, "--backbone", &without]);
    assert!(said.contains("gpt2-q8_0.gguf has no chat template"), "{said}");
}

#[test]
fn who_reads_only_the_first_lines_ends_it_silently() {
    let mut command = mome();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-backbone/data/mome-tiny-q8_0.gguf");
    command.arg("inspect").arg(model).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    drop(process.stdout.take());
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn help_shows_examples() {
    for command in ["memorize", "forget", "ask", "eval", "generate", "serve", "inspect"] {
        let output = run(&[command, "--help"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("Example"), "{command}");
    }
}

#[test]
fn a_question_file_is_read_strictly() {
    let small = SmallPack::new();
    let questions = small.directory.path().join("questions.jsonl");
    fs::write(&questions, "{\"question\": \"Q\", \"id\": null, \"answer\": null}\n[]\n").expect("a file");
    let said = failure(&["eval", "--pack", &small.pack(), &questions.display().to_string()]);
    assert!(said.contains("questions.jsonl:2:"), "{said}");
    assert!(Path::new(&data("relations.questions.jsonl")).exists());
}
