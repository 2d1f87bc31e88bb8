//! A pack of the same table and seed has the same bytes, from one build of Mome to the next: what a change to the code
//! moves is seen here. `data/same-bytes.txt` has the digest of each file of a few packs; a change that is meant to move
//! them renews it (`RENEW=1 cargo test -p mome-cli --test same_bytes`) and says in its message which fields moved.
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{data, mome, some_facts};
use mome_pack::Digest;
use tempfile::TempDir;

/// The digests of a pack's files: the manifest, then the objects that it leads to.
fn digests(pack: &Path) -> String {
    let digest = |file: &Path| Digest::of(&fs::read(file).unwrap()).to_string();
    let folders = fs::read_dir(pack.join("objects")).unwrap();
    let objects = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    let mut objects: Vec<String> = objects.map(|object| digest(&object.unwrap().path())).collect();
    objects.sort();
    format!("mome.json {}\n{}\n", digest(&pack.join("mome.json")), objects.join("\n"))
}

fn memorized(directory: &Path, name: &str, table: &Path) -> String {
    let out = directory.join(name);
    let mut command = mome();
    command.env("SOURCE_DATE_EPOCH", "1700000000").arg("memorize").arg(table).arg("--out").arg(&out);
    let output = command.args(["--device", "cpu", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    format!("# {name}\n{}", digests(&out))
}

/// Processors without fused multiply-add round otherwise.
fn rounds_as_recorded() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[test]
fn packs_have_the_bytes_that_they_had() {
    if !rounds_as_recorded() {
        println!("SKIPPED: the digests were taken on x86-64 with fused multiply-add");
        return;
    }
    let directory = TempDir::new().unwrap();
    let relations = some_facts(directory.path(), 40, 4);
    let packs = [("single wordings", PathBuf::from(data("faq/gym.jsonl"))), ("four wordings", relations)];
    let now: String = packs.iter().map(|(name, table)| memorized(directory.path(), name, table)).collect();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/same-bytes.txt");
    if std::env::var_os("RENEW").is_some() {
        fs::write(&recorded, &now).unwrap();
    }
    let before = fs::read_to_string(&recorded).unwrap();
    let moved: Vec<&str> = now.lines().filter(|line| !before.contains(line)).collect();
    assert!(now == before, "these files are new or have other bytes:\n{}", moved.join("\n"));
}
