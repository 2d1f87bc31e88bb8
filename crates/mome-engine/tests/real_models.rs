//! Real models against an independent implementation: Gemma 3 270M in Q4_K_M, SmolLM2-135M-Instruct in Q4_1.
//! `cargo xtask models` fetches them; `cargo xtask test --full` does so and runs these tests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::PathBuf;
use std::sync::Arc;

use common::{cpu, data, gpu, greedy, run_once};
use mome_engine::{Executor, Head};
use serde::Deserialize;

/// How far a logit may be from the golden one, whose last digit is the third: activations have 16 bits.
const TOLERANCE: f32 = 0.01;

/// Where the best token leads the second by less, rounding may decide.
const LEAST_MARGIN: f32 = 0.02;

/// A prompt, and what Hugging Face transformers makes of it with the dequantised weights.
#[derive(Deserialize)]
struct Case {
    prompt: String,
    ids: Vec<u32>,
    /// The largest logits behind the prompt, with their tokens.
    first_logits: Vec<(u32, f32)>,
    greedy: Vec<u32>,
    /// By how much each of the greedy tokens leads the second best.
    margins: Vec<f32>,
    text: String,
}

fn check(model: &str, golden: &str, open: fn(&[u8]) -> Arc<dyn Executor>) {
    let executor = open(&file(model));
    let tokenizer = executor.backbone().tokenizer();
    let begin = tokenizer.begin().filter(|_| tokenizer.adds_begin());
    let cases: Vec<Case> = serde_json::from_slice(&data(golden)).unwrap();
    assert_eq!(cases.len(), 5);
    for Case { prompt, ids, first_logits, greedy: expected, margins, text } in cases {
        let encoded = tokenizer.encode(&prompt).into_iter().map(|token| token.id);
        assert_eq!(begin.into_iter().chain(encoded).collect::<Vec<_>>(), ids, "{prompt}");
        assert_eq!(tokenizer.decode_continuation(&expected), text, "{prompt}");

        // All golden tokens at once: each is predicted from the golden ones before it.
        let tokens = [&ids[..], &expected[..expected.len() - 1]].concat();
        let (watch, logits): (Vec<u32>, Vec<f32>) = first_logits.into_iter().unzip();
        let head = Head { rows: expected.len(), watch: &watch, ..Head::default() };
        let predictions = run_once(&*executor, &tokens, head).predictions;
        for (found, logit) in predictions[0].watched.iter().zip(&logits) {
            assert!((found - logit).abs() <= TOLERANCE, "{prompt}: {found} for {logit}");
        }
        let found: Vec<u32> = predictions.iter().map(|prediction| prediction.token).collect();
        let decided = |at: &usize| margins[*at] >= LEAST_MARGIN;
        for at in (0..expected.len()).filter(decided) {
            assert_eq!(found[at], expected[at], "{prompt}, token {at}");
        }

        // One by one, as far as no token is for rounding to decide.
        let sure = (0..expected.len()).take_while(decided).count();
        assert_eq!(greedy(&*executor, &ids, sure), expected[..sure], "{prompt}");
    }
}

/// A model that was fetched.
fn file(model: &str) -> Vec<u8> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    let path = target.join("models").join(model);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: `cargo xtask models`", path.display()))
}

#[test]
#[ignore = "reads a model that `cargo xtask models` fetches"]
fn gemma_3_on_the_cpu() {
    check("gemma-3-270m-q4_k_m.gguf", "real-gemma3.json", cpu);
}

#[test]
#[ignore = "reads a model that `cargo xtask models` fetches"]
fn gemma_3_on_a_gpu() {
    check("gemma-3-270m-q4_k_m.gguf", "real-gemma3.json", gpu);
}

#[test]
#[ignore = "reads a model that `cargo xtask models` fetches"]
fn smollm2_on_the_cpu() {
    check("SmolLM2-135M-Instruct.Q4_1.gguf", "real-smollm2.json", cpu);
}

#[test]
#[ignore = "reads a model that `cargo xtask models` fetches"]
fn smollm2_on_a_gpu() {
    check("SmolLM2-135M-Instruct.Q4_1.gguf", "real-smollm2.json", gpu);
}
