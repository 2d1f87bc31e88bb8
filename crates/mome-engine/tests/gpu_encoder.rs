//! Encoders and the reranker on a GPU, against states and logits of an independent implementation, and against the CPU.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, LazyLock};

use common::encoders::*;
use common::{assert_close, data};
use mome_engine::{DeviceChoice, EncoderExecutor, EncoderOpening, EngineError, TokenPair};

static DEFAULT: LazyLock<Arc<dyn EncoderExecutor>> =
    LazyLock::new(|| open(&default_encoder(), Some(&default_reranker()), DeviceChoice::Gpu));

#[test]
fn states_equal_the_golden_ones() {
    for name in TINY {
        let golden = TinyEncoder::load(name);
        let executor = open(&data(&golden.file), None, DeviceChoice::Gpu);
        assert!(executor.device().starts_with("gpu: "), "{}", executor.device());
        golden.check(&*executor);
    }
}

#[test]
fn the_first_token_may_stand_for_the_text() {
    for name in TINY {
        let golden = TinyEncoder::load(name);
        golden.check_cls(&*open(&golden.with_cls_pooling(), None, DeviceChoice::Gpu));
    }
}

#[test]
fn the_default_encoder_reads_as_it_should() {
    MiniLm::load().check(&**DEFAULT);
}

#[test]
fn the_default_reranker_judges_as_it_should() {
    check_reranker(&**DEFAULT);
}

#[test]
fn texts_of_any_length_are_read_as_on_the_cpu() {
    let file = data("bert-q8_0.gguf");
    let [cpu, gpu] = [DeviceChoice::Cpu, DeviceChoice::Gpu].map(|device| open(&file, None, device));
    let texts: Vec<Vec<u32>> = (1..=64).map(|length| (0..length).map(|at| at * 37 % 128).collect()).collect();
    // More tokens than go through the blocks at once.
    let texts: Vec<&[u32]> = texts.iter().chain(&texts[40..]).map(Vec::as_slice).collect();
    for (found, expected) in embed(&*gpu, &texts).iter().zip(embed(&*cpu, &texts)) {
        assert_cosine("texts", found, &expected);
        assert_close("texts", found, &expected);
    }
    assert!(embed(&*gpu, &[]).is_empty());
    assert!(matches!(
        pollster::block_on(gpu.rerank(&[TokenPair::single(&[2])])),
        Err(EngineError::NoReranker)
    ));
}

#[test]
fn files_may_arrive_in_pieces() {
    let (encoder, reranker) = (default_encoder(), default_reranker());
    for device in [DeviceChoice::Cpu, DeviceChoice::Gpu] {
        let executor = pollster::block_on(async {
            let mut opening = EncoderOpening::new(encoder.len() as u64, device.into());
            for piece in encoder.chunks(999_983) {
                opening.push(piece).await.unwrap();
            }
            assert!(opening.encoder().unwrap().digest().is_none());
            let mut opening = opening.begin_reranker(reranker.len() as u64).unwrap();
            for piece in reranker.chunks(100_003) {
                opening.push(piece).await.unwrap();
            }
            opening.finish().await.unwrap().executor
        });
        check_reranker(&*executor);
        assert_eq!(executor.encoder().digest(), Some(executor.reranker().unwrap().config().encoder));
    }
}
