//! A multilingual encoder from text to embedding, against a forward pass written out in numpy: XLM-R's tokens,
//! its special tokens, and its positions, which count from behind the padding id.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::encoders::{assert_cosine, embed, open, states};
use common::{assert_close, data};
use mome_engine::DeviceChoice;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    /// After the embedding and each layer, `[tokens, d]`.
    states: Vec<Vec<f32>>,
    pooled: Vec<f32>,
}

fn check(device: DeviceChoice) {
    let executor = open(&data("xlm-roberta.gguf"), None, device);
    let cases: Vec<Case> = serde_json::from_slice(&data("xlm-roberta.json")).unwrap();
    assert_eq!(cases.len(), 4);
    for Case { text, ids, states: expected, pooled } in cases {
        let encoder = executor.encoder();
        let tokens: Vec<u32> = encoder.tokenizer().encode(&text).iter().map(|token| token.id).collect();
        let input = encoder.frame().single(&tokens, encoder.config().context);
        assert_eq!(input.ids, ids, "{text}");
        for (layer, (found, expected)) in
            states(&*executor, &ids, &[0, 1, 2]).iter().zip(&expected).enumerate()
        {
            assert_close(&format!("{text}, layer {layer}"), found, expected);
        }
        assert_cosine(&text, &embed(&*executor, &[&ids])[0], &pooled);
    }
}

#[test]
fn reads_on_the_cpu_as_it_should() {
    check(DeviceChoice::Cpu);
}

#[test]
fn reads_on_a_gpu_as_it_should() {
    check(DeviceChoice::Gpu);
}
