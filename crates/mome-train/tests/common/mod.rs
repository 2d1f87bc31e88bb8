//! What the tests of making and changing packs share: the default backbone, facts, and a look into a pack.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use mome::{AnswerOptions, Mome, Pack, Store};
use mome_engine::{DeviceChoice, Executor, open};
use mome_pack::{Expert, Leaf, Selector, Shard};
use mome_train::{Fact, MemorizeOptions, read_facts};
use pollster::block_on;

/// A file of the default backbone.
fn backbone_data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-backbone/data").join(name)).unwrap()
}

/// The default backbone on the CPU, and its file.
pub fn backbone() -> (Arc<dyn Executor>, Vec<u8>) {
    let file = backbone_data("mome-tiny-q8_0.gguf");
    (block_on(open(&file, DeviceChoice::Cpu)).unwrap().executor, file)
}

/// The selector that comes with it.
pub fn selector() -> Selector {
    Selector::decode(&backbone_data("mome-tiny-q8_0.selector")).unwrap()
}

/// The first of the relations, each with as many of its wordings as asked.
pub fn some_facts(count: usize, wordings: usize) -> Vec<Fact> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/relations.jsonl");
    let mut facts = read_facts(&table).unwrap();
    facts.truncate(count);
    facts.iter_mut().for_each(|fact| fact.wordings.truncate(wordings));
    facts
}

pub fn fact(id: &str, wordings: &[&str], answer: &str) -> Fact {
    let wordings = wordings.iter().map(|&wording| wording.to_owned()).collect();
    Fact { id: id.into(), wordings, answer: answer.into(), source: None }
}

/// With the default selector: `selector: None` trains one, which takes long.
pub fn options() -> MemorizeOptions {
    MemorizeOptions { pack: "facts".into(), alpha: 0.01, seed: 0, selector: Some(selector()) }
}

/// Opens the pack in a directory.
pub fn open_pack(directory: &Path, executor: &Arc<dyn Executor>) -> Mome {
    let pack = block_on(Pack::open(Store::open(&directory.display().to_string()).unwrap())).unwrap();
    Mome::new(pack, executor.clone(), None, None).unwrap()
}

/// The leaves of a pack with the experts of each.
pub fn leaves(mome: &Mome) -> Vec<(Leaf, Vec<Expert>)> {
    let read = |leaf: &Leaf| {
        let bytes = block_on(mome.pack().store().object(&leaf.shard)).unwrap();
        (*leaf, Shard::decode(&bytes).unwrap().experts)
    };
    mome.pack().index().leaves().iter().map(read).collect()
}

/// The bytes of all experts by id; all copies of one must be the same.
pub fn experts(mome: &Mome) -> BTreeMap<String, Vec<u8>> {
    let mut experts = BTreeMap::new();
    for expert in leaves(mome).into_iter().flat_map(|(_, experts)| experts) {
        let bytes = expert.encode().unwrap();
        let known = experts.entry(expert.id).or_insert_with(|| bytes.clone());
        assert_eq!(known, &bytes, "a copy differs");
    }
    experts
}

/// The wordings that are not answered as they should be, from their own wording.
pub fn wrong_replies<'a>(mome: &Mome, facts: impl IntoIterator<Item = &'a Fact>) -> Vec<&'a str> {
    let wordings =
        facts.into_iter().flat_map(|fact| fact.wordings.iter().map(move |wording| (wording, fact)));
    let wrong = wordings.filter(|(wording, fact)| {
        let reply = block_on(mome.answer(wording, &AnswerOptions::default())).unwrap();
        reply.confidence != 1.0 || reply.text != fact.answer
    });
    wrong.map(|(wording, _)| wording.as_str()).collect()
}

/// All files of a folder with their bytes.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.display().to_string(), fs::read(path).unwrap());
            }
        }
    }
    files
}
