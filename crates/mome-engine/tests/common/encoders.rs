//! Golden encoders and what they are to compute, for the tests of all executors.

use std::sync::Arc;

use mome_engine::{DeviceChoice, EncoderExecutor, RerankLogits, TokenPair, open_encoder};
use serde::Deserialize;

use super::{assert_close, data, read};

/// Golden encoders: random weights, states by Hugging Face transformers on the dequantised weights.
pub const TINY: [&str; 3] = ["bert-f32", "bert-q8_0", "bert-q4_0"];

/// A golden encoder and its states.
#[derive(Deserialize)]
pub struct TinyEncoder {
    pub file: String,
    pub ids: Vec<u32>,
    /// After the embedding and each layer, of token 7.
    states: Vec<Vec<f32>>,
    /// After the last layer, of every token.
    last: Vec<Vec<f32>>,
    /// Of those.
    mean: Vec<f32>,
}

impl TinyEncoder {
    pub fn load(name: &str) -> Self {
        let mut all: std::collections::HashMap<String, Self> =
            serde_json::from_slice(&data("bert-states.json")).unwrap();
        all.remove(name).unwrap()
    }

    /// Holds an executor of this model to the golden states.
    pub fn check(&self, executor: &dyn EncoderExecutor) {
        let layers: Vec<usize> = (0..self.states.len()).collect();
        let states = states(executor, &self.ids, &layers);
        let width = self.mean.len();
        for (layer, (found, expected)) in states.iter().zip(&self.states).enumerate() {
            assert_eq!(found.len(), self.ids.len() * width);
            assert_close(&format!("{}, layer {layer}", self.file), &found[7 * width..8 * width], expected);
        }
        assert_close(&format!("{}, last", self.file), &states[layers.len() - 1], &self.last.concat());
        let embedding = embed(executor, &[&self.ids]).remove(0);
        assert_cosine(&self.file, &embedding, &self.mean);
    }

    /// The model's file, changed so that the state of the first token stands for the text.
    pub fn with_cls_pooling(&self) -> Vec<u8> {
        let mut file = data(&self.file);
        let key = b"bert.pooling_type";
        let at = file.windows(key.len()).position(|bytes| bytes == key).unwrap();
        // After the key come the value's type and the value.
        file[at + key.len() + 4] = 2;
        file
    }

    /// Holds an executor of that file to the golden states.
    pub fn check_cls(&self, executor: &dyn EncoderExecutor) {
        let texts = [&self.ids[..], &self.ids[..5], &self.ids];
        let embeddings = embed(executor, &texts);
        for embedding in [&embeddings[0], &embeddings[2]] {
            assert_cosine(&self.file, embedding, &self.last[0]);
        }
    }
}

/// Golden numbers of the default encoder.
#[derive(Deserialize)]
pub struct MiniLm {
    states: Vec<TextStates>,
}

#[derive(Deserialize)]
struct TextStates {
    text: String,
    pooled: Vec<f32>,
    /// After the embedding and each layer, the first numbers of token 1.
    token1_layers: Vec<Vec<f32>>,
}

impl MiniLm {
    pub fn load() -> Self {
        serde_json::from_slice(&data("minilm.json")).unwrap()
    }

    /// Holds an executor of the default encoder to the golden states, one text at a time and all at once.
    pub fn check(&self, executor: &dyn EncoderExecutor) {
        for TextStates { text, token1_layers, .. } in &self.states {
            let layers: Vec<usize> = (0..token1_layers.len()).collect();
            for (layer, (found, expected)) in
                states(executor, &ids_of(executor, text), &layers).iter().zip(token1_layers).enumerate()
            {
                assert_close(&format!("{text}, layer {layer}"), &found[384..][..expected.len()], expected);
            }
        }
        let texts: Vec<Vec<u32>> = self.states.iter().map(|text| ids_of(executor, &text.text)).collect();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        for (text, found) in self.states.iter().zip(embed(executor, &texts)) {
            assert_cosine(&text.text, &found, &text.pooled);
            assert_close(&text.text, &found, &text.pooled);
        }
    }
}

/// The ids of a text, between the special tokens.
fn ids_of(executor: &dyn EncoderExecutor, text: &str) -> Vec<u32> {
    let encoder = executor.encoder();
    let ids: Vec<u32> = encoder.tokenizer().encode(text).iter().map(|token| token.id).collect();
    encoder.frame().single(&ids, encoder.config().context).ids
}

/// A pair and what the default reranker says of it.
#[derive(Deserialize)]
pub struct GoldenPair {
    pub ids: Vec<u32>,
    pub types: Vec<u32>,
    logits: [f32; 3],
}

impl GoldenPair {
    pub fn load_all() -> Vec<Self> {
        serde_json::from_slice(&data("reranker.json")).unwrap()
    }

    pub fn tokens(&self) -> TokenPair<'_> {
        TokenPair { tokens: &self.ids, second: self.types.partition_point(|kind| *kind == 0) }
    }

    /// Holds logits to the golden ones.
    pub fn check(&self, found: RerankLogits) {
        let found = [found.same, found.changed, found.other];
        for (found, expected) in found.iter().zip(self.logits) {
            assert!((found - expected).abs() <= 0.02, "{found} for {expected}");
        }
    }
}

/// Holds all pairs to what the default reranker says of them, one at a time and all at once.
pub fn check_reranker(executor: &dyn EncoderExecutor) {
    let golden = GoldenPair::load_all();
    assert_eq!(golden.len(), 8);
    let pairs: Vec<TokenPair<'_>> = golden.iter().map(GoldenPair::tokens).collect();
    for (pair, found) in golden.iter().zip(rerank(executor, &pairs)) {
        pair.check(found);
    }
    golden.iter().for_each(|pair| pair.check(rerank(executor, &[pair.tokens()])[0]));
}

/// The file of the default encoder.
pub fn default_encoder() -> Vec<u8> {
    read("../mome-backbone/data/all-minilm-l6-v2-q8_0.gguf")
}

/// The file of the default reranker.
pub fn default_reranker() -> Vec<u8> {
    read("../mome-backbone/data/reranker-q8_0.gguf")
}

/// An encoder, and perhaps a reranker, on a device.
pub fn open(encoder: &[u8], reranker: Option<&[u8]>, device: DeviceChoice) -> Arc<dyn EncoderExecutor> {
    pollster::block_on(open_encoder(encoder, reranker, device)).unwrap().executor
}

/// Embeddings, which must not fail.
pub fn embed(executor: &dyn EncoderExecutor, texts: &[&[u32]]) -> Vec<Vec<f32>> {
    pollster::block_on(executor.embed(texts)).unwrap()
}

/// Logits, which must not fail.
pub fn rerank(executor: &dyn EncoderExecutor, pairs: &[TokenPair<'_>]) -> Vec<RerankLogits> {
    pollster::block_on(executor.rerank(pairs)).unwrap()
}

/// States, which must not fail.
pub fn states(executor: &dyn EncoderExecutor, tokens: &[u32], layers: &[usize]) -> Vec<Vec<f32>> {
    pollster::block_on(executor.states(TokenPair::single(tokens), layers)).unwrap()
}

/// The cosine similarity of two vectors must be next to one, and the first of length one.
pub fn assert_cosine(what: &str, found: &[f32], expected: &[f32]) {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    assert_eq!(found.len(), expected.len(), "{what}");
    let length = dot(found, found).sqrt();
    assert!((length - 1.0).abs() < 1e-5, "{what}: length {length}");
    let cosine = dot(found, expected) / length / dot(expected, expected).sqrt();
    assert!(cosine >= 0.9999, "{what}: cosine {cosine}");
}
