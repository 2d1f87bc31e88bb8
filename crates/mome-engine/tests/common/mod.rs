//! What the tests of all executors share: golden models, ways to run them, and memory to attach.

#![allow(dead_code, reason = "each test file uses a part")]

pub mod encoders;

use std::path::PathBuf;
use std::sync::Arc;

use mome_backbone::{Backbone, TensorInfo};
use mome_engine::{
    AttachedExpert, AttentionParameters, DeviceChoice, Executor, Head, Memory, MemorySlot, Output, Pass,
    Prediction, QueryProjection, Sequence, open,
};
use mome_pack::KEY_WIDTH;
use proptest::prelude::*;
use serde_json::Value;

/// Golden models: random weights, logits by independent implementations on the dequantised weights.
pub const GOLDEN: [&str; 25] = [
    "llama-f32",
    "llama-f16",
    "llama-q8_0",
    "llama-q4_0",
    "llama-q4_1",
    "llama-q5_0",
    "llama-q5_1",
    "llama-tied-f32",
    "llama-tied-q8_0",
    "llama-tied-q4_0",
    "llama3-rope-f32",
    "llama3-rope-q8_0",
    "llama3-rope-q4_0",
    "qwen2-f32",
    "qwen2-q8_0",
    "qwen2-q4_0",
    "qwen3-f32",
    "qwen3-q8_0",
    "qwen3-q4_0",
    "gemma3-f32",
    "gemma3-q8_0",
    "gemma3-q4_0",
    "gpt2-f32",
    "gpt2-q8_0",
    "gpt2-q4_0",
];

/// How far a logit may be from the golden one.
pub const TOLERANCE: f32 = 2e-3;

/// A golden model and what it is to compute.
pub struct Golden {
    pub name: String,
    pub file: Vec<u8>,
    pub backbone: Backbone,
    pub ids: Vec<u32>,
    /// All logits of the last row.
    pub logits_last: Vec<f32>,
    /// The first logits of row 5.
    pub logits_row5: Vec<f32>,
    /// Of every row.
    pub argmax: Vec<u32>,
    /// What follows the first twelve ids.
    pub greedy: Vec<u32>,
}

impl Golden {
    pub fn load(name: &str) -> Self {
        let all: Value = serde_json::from_slice(&data("logits.json")).unwrap();
        let case = &all[name];
        let ids = |key: &str| serde_json::from_value::<Vec<u32>>(case[key].clone()).unwrap();
        let logits = |key: &str| serde_json::from_value::<Vec<f32>>(case[key].clone()).unwrap();
        let file = data(case["file"].as_str().unwrap());
        Self {
            name: name.to_owned(),
            backbone: Backbone::from_bytes(&file).unwrap(),
            file,
            ids: ids("ids"),
            logits_last: logits("logits_last"),
            logits_row5: logits("logits_row5_first64"),
            argmax: ids("argmax"),
            greedy: ids("greedy_from_12"),
        }
    }

    /// A tensor of the file, and its data.
    pub fn tensor(&self, name: &str) -> (&TensorInfo, &[u8]) {
        let info = self.backbone.gguf().tensor(name).unwrap();
        (info, &self.file[info.range.start as usize..info.range.end as usize])
    }

    /// Holds an executor of this model to the golden logits, and greedy decoding with its KV cache to the golden
    /// tokens.
    pub fn check(&self, executor: &dyn Executor) {
        let rows = self.ids.len();
        let head = Head { rows, logits: true, ..Head::default() };
        let output = run_once(executor, &self.ids, head);
        let vocabulary = self.backbone.config().vocabulary;
        assert_eq!(output.logits.len(), rows * vocabulary, "{}", self.name);
        assert_close(&self.name, &output.logits[(rows - 1) * vocabulary..], &self.logits_last);
        assert_close(
            &self.name,
            &output.logits[5 * vocabulary..][..self.logits_row5.len()],
            &self.logits_row5,
        );
        let tokens: Vec<u32> = output.predictions.iter().map(|prediction| prediction.token).collect();
        assert_eq!(tokens, self.argmax, "{}", self.name);
        assert_eq!(greedy(executor, &self.ids[..12], self.greedy.len()), self.greedy, "{}", self.name);
    }
}

/// A file of the test data.
pub fn data(name: &str) -> Vec<u8> {
    read(&format!("tests/data/{name}"))
}

/// The file of the default backbone.
pub fn tiny() -> Vec<u8> {
    read("../mome-backbone/data/mome-tiny-q8_0.gguf")
}

/// A backbone on the CPU.
pub fn cpu(file: &[u8]) -> Arc<dyn Executor> {
    pollster::block_on(open(file, DeviceChoice::Cpu)).unwrap().executor
}

/// A backbone on a GPU; any adapter will do, an emulated one too.
pub fn gpu(file: &[u8]) -> Arc<dyn Executor> {
    let opened = pollster::block_on(open(file, DeviceChoice::Gpu));
    let opened = opened.unwrap_or_else(|error| {
        panic!("{error}; a driver that emulates one will do, such as Mesa's lavapipe")
    });
    opened.executor
}

pub fn read(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a pass that must not fail.
pub fn run(sequence: &mut dyn Sequence, pass: Pass<'_>) -> Output {
    pollster::block_on(sequence.run(pass)).unwrap()
}

/// Runs tokens in one pass of a sequence of their own.
pub fn run_once(executor: &dyn Executor, tokens: &[u32], head: Head<'_>) -> Output {
    let mut sequence = executor.begin(tokens.len()).unwrap();
    run(&mut *sequence, Pass { tokens, states: &[], head: Some(head) })
}

/// The `count` likeliest tokens after a prompt, one pass each.
pub fn greedy(executor: &dyn Executor, prompt: &[u32], count: usize) -> Vec<u32> {
    let mut sequence = executor.begin(prompt.len() + count).unwrap();
    let mut tokens = prompt.to_vec();
    let mut decoded = Vec::new();
    for _ in 0..count {
        let head = Some(Head { rows: 1, ..Head::default() });
        let output = run(&mut *sequence, Pass { tokens: &tokens, states: &[], head });
        tokens = vec![output.predictions[0].token];
        decoded.extend(&tokens);
    }
    decoded
}

pub fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= TOLERANCE, "{what}, {at}: {found} for {expected}");
    }
}

/// What a head's prediction must say of a row of logits.
pub fn assert_prediction(prediction: &Prediction, logits: &[f32], watch: &[u32]) {
    let token = (0..logits.len()).rev().max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
    assert_eq!(prediction.token as usize, token);
    let log_sum = logits.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln();
    assert!((f64::from(prediction.log_sum) - log_sum).abs() < 1e-4, "{} for {log_sum}", prediction.log_sum);
    let logprob = f64::from(logits[token]) - log_sum;
    assert!((f64::from(prediction.logprob) - logprob).abs() < 1e-4, "{} for {logprob}", prediction.logprob);
    let watched: Vec<f32> = watch.iter().map(|token| logits[*token as usize]).collect();
    assert_eq!(prediction.watched, watched);
}

/// Memory with random experts and slots; keys and queries are such that scores differ.
pub fn any_memory(backbone: &Backbone) -> impl Strategy<Value = Memory> + use<> {
    let (hidden, vocabulary) = (backbone.config().hidden, backbone.config().vocabulary as u32);
    (1u32..6, 0usize..40, any::<u64>(), -12.0f32..12.0).prop_map(move |(experts, slots, seed, null)| {
        let mut numbers = Numbers(seed | 1);
        let mut slots: Vec<MemorySlot> = (0..slots)
            .map(|_| MemorySlot {
                expert: numbers.below(experts),
                place: numbers.below(6),
                // Few tokens, so that several slots often raise the same.
                token: numbers.below(8) * (vocabulary / 8) + numbers.below(2),
                strength: 20.0 * numbers.unit(),
                key: std::array::from_fn(|_| numbers.unit() / 4.0),
            })
            .collect();
        slots.sort_by_key(|slot| (slot.token, slot.expert, slot.place));
        let expert = |_| AttachedExpert { bias: 3.0 * numbers.unit(), next_place: numbers.below(4) };
        let experts = (0..experts).map(expert).collect();
        let parameters = AttentionParameters { beta: 8.0, gamma: 1.5, null, margin: 2.0 };
        let query = QueryProjection((0..KEY_WIDTH * hidden).map(|_| numbers.unit()).collect());
        Memory { query, parameters, experts, slots }
    })
}

/// Pseudo-random numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u32) -> u32 {
        ((self.next() >> 33) % u64::from(limit)) as u32
    }

    /// From -1 to 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// What memory adds to a row, computed naively in double precision.
pub struct Attended {
    /// Score of every slot.
    pub scores: Vec<f64>,
    /// By how far null is above the best slot and the margin; negative where the slots are attended to.
    pub lead: f64,
    /// What each logit is raised by, `[V]`; zeros where null leads.
    pub raised: Vec<f64>,
}

/// Attends from a final hidden state (after the last norm), row `row` of the head.
pub fn attend_naively(memory: &Memory, row: usize, hidden: &[f32], vocabulary: usize) -> Attended {
    let hidden: Vec<f64> = hidden.iter().copied().map(f64::from).collect();
    let dot = |a: &[f32], b: &[f64]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * b).sum::<f64>();
    let query: Vec<f64> = memory.query.0.chunks(hidden.len()).map(|weights| dot(weights, &hidden)).collect();
    let length = query.iter().map(|value| value * value).sum::<f64>().sqrt();
    let parameters = &memory.parameters;
    let score = |slot: &MemorySlot| {
        let expert = &memory.experts[slot.expert as usize];
        let distance = (f64::from(expert.next_place) + row as f64 - f64::from(slot.place)).abs();
        f64::from(parameters.beta) * dot(&slot.key, &query) / length + f64::from(expert.bias)
            - f64::from(parameters.gamma) * distance
    };
    let scores: Vec<f64> = memory.slots.iter().map(score).collect();
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let null = f64::from(parameters.null);
    let lead = null - best - f64::from(parameters.margin);
    let mut raised = vec![0.0; vocabulary];
    if lead < 0.0 {
        let sum = null.exp() + scores.iter().map(|score| score.exp()).sum::<f64>();
        for (slot, score) in memory.slots.iter().zip(&scores) {
            raised[slot.token as usize] += score.exp() / sum * f64::from(slot.strength);
        }
    }
    Attended { scores, lead, raised }
}
