//! What the tests of making and changing packs share: the default models, facts, and a look into a pack.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "test code, outside of test functions")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use mome::{AnswerOptions, EncoderReader, Mome, Pack, ReaderFiles, Store};
use mome_build::{Fact, MemorizeOptions, Models, read_facts};
use mome_engine::{DeviceChoice, open, open_encoder};
use mome_pack::{Expert, InvertedList, Query, WordingLayout};
use pollster::block_on;

/// A file of the default models.
fn model_data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../mome-backbone/data").join(name)).unwrap()
}

/// The default models on the CPU.
pub fn models() -> Models {
    let backbone = model_data("mome-tiny-q8_0.gguf");
    let files = ReaderFiles {
        encoder: model_data("all-minilm-l6-v2-q8_0.gguf").into(),
        reranker: Some(model_data("reranker-q8_0.gguf").into()),
    };
    let encoder =
        block_on(open_encoder(&files.encoder, files.reranker.as_deref(), DeviceChoice::Cpu)).unwrap();
    Models {
        executor: block_on(open(&backbone, DeviceChoice::Cpu)).unwrap().executor,
        query: Some(Query::decode(&model_data("mome-tiny-q8_0.query")).unwrap()),
        backbone: backbone.into(),
        reader: Arc::new(EncoderReader::new(encoder.executor, "")),
        reader_files: files,
        reader_gate: Some(serde_json::from_slice(&model_data("reader.gate.json")).unwrap()),
    }
}

/// How the default encoder's wordings are laid out.
pub const LAYOUT: WordingLayout = WordingLayout { width: 384, wide_tokens: false };

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

pub fn options() -> MemorizeOptions {
    MemorizeOptions { pack: "facts".into(), alpha: 0.01, seed: 0 }
}

/// Opens the pack in a directory.
pub fn open_pack(directory: &Path, models: &Models) -> Mome {
    let pack = block_on(Pack::open(Store::of_directory(directory).unwrap())).unwrap();
    Mome::new(pack, models.reader.clone(), models.executor.clone(), None, None).unwrap()
}

/// The lists of a pack with the experts of each.
pub fn lists(mome: &Mome) -> Vec<(InvertedList, Vec<Expert>)> {
    let read = |list: InvertedList| {
        let shard = block_on(mome.pack().shard(&list.shard)).unwrap();
        (list, shard.experts)
    };
    block_on(mome.pack().router().lists()).unwrap().into_iter().map(read).collect()
}

/// The bytes of all experts by id; all copies of one must be the same.
pub fn experts(mome: &Mome) -> BTreeMap<String, Vec<u8>> {
    let mut experts = BTreeMap::new();
    for expert in lists(mome).into_iter().flat_map(|(_, experts)| experts) {
        let bytes = expert.encode(LAYOUT).unwrap();
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
