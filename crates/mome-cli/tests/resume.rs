//! A run of `mome memorize` that is stopped leaves what was there as it was, and the next one goes on.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use common::{json, mome, some_facts};
use serde_json::Value;
use tempfile::TempDir;

const JOURNAL: &str = "memorising.partial";

/// `mome memorize` of a table, always with the same time stamp.
fn memorize(table: &Path, out: &Path) -> Command {
    memorize_to("--out", table, out)
}

fn memorize_to(target: &str, table: &Path, out: &Path) -> Command {
    let mut command = mome();
    command.arg("memorize").arg(table).arg(target).arg(out).args([
        "--device",
        "cpu",
        "--threads",
        "1",
        "--json",
    ]);
    command.env("SOURCE_DATE_EPOCH", "1700000000").stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn finish(mut command: Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Lets a process go on until the journal has so many bytes, then kills it.
fn kill_at(mut process: Child, out: &Path, bytes: u64) {
    loop {
        let length = fs::metadata(out.join(JOURNAL)).map_or(0, |file| file.len());
        if length >= bytes {
            break;
        }
        assert_eq!(process.try_wait().unwrap(), None, "it was done before it could be killed");
        sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

/// All files of a folder with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    files
}

/// The table and what comes of it without a stop.
struct Uninterrupted {
    directory: TempDir,
    table: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Uninterrupted {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let table = some_facts(directory.path(), 400, 1);
        let out = directory.path().join("whole");
        assert_eq!(finish(memorize(&table, &out))["resumed"], 0);
        let files = files(&out);
        Self { directory, table, files }
    }

    fn out(&self) -> PathBuf {
        self.directory.path().join("stopped")
    }
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let whole = Uninterrupted::new();
    let out = whole.out();
    for bytes in [120_000, 240_000] {
        kill_at(memorize(&whole.table, &out).spawn().unwrap(), &out, bytes);
        assert!(!out.join("mome.json").exists(), "no pack before all of it is there");
    }
    let report = finish(memorize(&whole.table, &out));
    let resumed = report["resumed"].as_u64().unwrap();
    assert!((64..400).contains(&resumed), "{report}");
    assert_eq!((&report["facts"], &report["verified"]), (&400.into(), &400.into()));
    assert!(files(&out) == whole.files, "{:?}", files(&out).keys());
}

#[test]
fn the_pack_that_was_there_stays_until_the_next_is_whole() {
    let whole = Uninterrupted::new();
    let out = whole.out();
    // A pack is called after its table, and one of the same name is its next edition.
    let other = whole.directory.path().join("other").join(whole.table.file_name().unwrap());
    fs::create_dir(other.parent().unwrap()).unwrap();
    fs::write(&other, "{\"question\": \"Who?\", \"answer\": \"Ann\"}\n").unwrap();
    finish(memorize(&other, &out));
    let before = files(&out);
    kill_at(memorize(&whole.table, &out).spawn().unwrap(), &out, 200_000);
    let after = files(&out);
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)));
    let pack = out.display().to_string();
    assert_eq!(json(&["ask", "--pack", &pack, "--device", "cpu", "who"]).1["text"], "Ann");

    let report = finish(memorize(&whole.table, &out));
    assert!(report["resumed"].as_u64() >= Some(64), "{report}");
    let contents = json(&["inspect", &pack]).1;
    assert_eq!((&contents["counts"]["facts"], &contents["sequence"]), (&400.into(), &2.into()));
}

#[test]
fn what_was_done_for_another_seed_serves_too() {
    let whole = Uninterrupted::new();
    let out = whole.out();
    let mut other_seed = memorize(&whole.table, &out);
    kill_at(other_seed.args(["--seed", "1"]).spawn().unwrap(), &out, 200_000);
    let report = finish(memorize(&whole.table, &out));
    assert!(report["resumed"].as_u64() >= Some(64), "experts do not depend on the seed: {report}");
    assert!(files(&out) == whole.files, "{:?}", files(&out).keys());
}

#[test]
fn a_killed_change_goes_on_too() {
    let whole = Uninterrupted::new();
    let (pack, twin) = (whole.out(), whole.directory.path().join("twin"));
    let first = whole.directory.path().join("first.jsonl");
    fs::write(&first, "{\"id\": \"ann\", \"question\": \"Who?\", \"answer\": \"Ann\"}\n").unwrap();
    for pack in [&pack, &twin] {
        finish(memorize(&first, pack));
    }
    let before = files(&pack);
    kill_at(memorize_to("--into", &whole.table, &pack).spawn().unwrap(), &pack, 100_000);
    assert!(before.iter().all(|(path, bytes)| files(&pack).get(path) == Some(bytes)));
    let report = finish(memorize_to("--into", &whole.table, &pack));
    assert!(report["resumed"].as_u64() >= Some(64), "{report}");
    assert_eq!((&report["added"], &report["sequence"]), (&400.into(), &2.into()));
    assert_eq!(finish(memorize_to("--into", &whole.table, &twin))["resumed"], 0);
    assert!(files(&pack) == files(&twin), "{:?}", files(&pack).keys());
}
