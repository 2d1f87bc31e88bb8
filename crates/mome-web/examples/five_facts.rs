//! A pack of five facts, memorized and asked in a page: what `web/test/build.test.mjs` runs. It shows that packs are made
//! where there are no files and no threads.

#![cfg(target_arch = "wasm32")]

use std::sync::Arc;

use mome::{AnswerOptions, EncoderReader, Mome, Pack, ReaderFiles};
use mome_build::{Fact, MemorizeOptions, Memory, Models, Target as _, memorize};
use mome_engine::{DeviceChoice, open, open_encoder};
use mome_pack::Query;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

const FACTS: [[&str; 2]; 5] = [
    ["Where is the first-aid box?", "In the hall, beside the mirror."],
    ["Who waters the plants in August?", "Mrs Achterberg from the second floor."],
    ["What is the code of the bicycle shed?", "4711#"],
    ["When is the glass collected?", "Every other Thursday, before 7 am."],
    ["How do I reset the heating?", "Hold the lower button for ten seconds."],
];

/// What came of it.
#[wasm_bindgen]
pub struct Made {
    /// Facts that the finished pack answers exactly.
    pub verified: usize,
    /// Files of the pack.
    pub files: usize,
    answers: Vec<String>,
}

#[wasm_bindgen]
impl Made {
    /// What the pack says to each question, and then to one that it has no fact about.
    #[wasm_bindgen(getter)]
    pub fn answers(&self) -> Vec<String> {
        self.answers.clone()
    }

    /// The questions and answers that were memorized, one after the other.
    #[wasm_bindgen(getter)]
    pub fn facts() -> Vec<String> {
        FACTS.concat().into_iter().map(str::to_owned).collect()
    }
}

/// Memorizes five facts with these models, and asks the pack.
///
/// # Errors
/// Where a model cannot be used, or what making and asking the pack report.
#[wasm_bindgen]
pub async fn five_facts(
    backbone: Vec<u8>,
    query: Vec<u8>,
    encoder: Vec<u8>,
    reranker: Vec<u8>,
    gate: String,
) -> Result<Made, JsError> {
    console_error_panic_hook::set_once();
    let reader = open_encoder(&encoder, Some(&reranker), DeviceChoice::Cpu).await?;
    let models = Models {
        executor: open(&backbone, DeviceChoice::Cpu).await?.executor,
        backbone: backbone.into(),
        query: Some(Query::decode(&query)?),
        reader: Arc::new(EncoderReader::new(reader.executor, "")),
        reader_files: ReaderFiles { encoder: encoder.into(), reranker: Some(reranker.into()) },
        reader_gate: Some(serde_json::from_str(&gate)?),
    };
    let facts = FACTS.map(|[question, answer]| Fact {
        id: question.to_owned(),
        wordings: vec![question.to_owned()],
        answer: answer.to_owned(),
        source: None,
    });
    let memory = Memory::new();
    let options = MemorizeOptions { pack: "house".to_owned(), alpha: 0.05, seed: 0 };
    let report = memorize(&facts, &models, &memory, &options, &|_, _, _| ())?;

    let pack = Pack::open(memory.store()?).await?;
    let mome = Mome::new(pack, models.reader, models.executor, None, None)?;
    let mut answers = Vec::new();
    for question in FACTS.map(|[question, _]| question).into_iter().chain(["Who painted the ceiling?"]) {
        answers.push(mome.answer(question, &AnswerOptions::default()).await?.text);
    }
    Ok(Made { verified: report.verified, files: memory.files().paths().len(), answers })
}
