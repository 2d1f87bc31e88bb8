//! Encoders and the reranker on the CPU, against states and logits of an independent implementation, and against
//! themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, LazyLock};

use common::data;
use common::encoders::*;
use mome_backbone::{BackboneError, EncoderError, RerankerError};
use mome_engine::{
    CpuOptions, DeviceChoice, EncoderExecutor, EncoderOpening, EngineError, OpenOptions, TokenPair,
    open_encoder,
};
use proptest::prelude::*;

static DEFAULT: LazyLock<Arc<dyn EncoderExecutor>> =
    LazyLock::new(|| open(&default_encoder(), Some(&default_reranker()), DeviceChoice::Cpu));

#[test]
fn states_equal_the_golden_ones() {
    for name in TINY {
        let golden = TinyEncoder::load(name);
        golden.check(&*open(&data(&golden.file), None, DeviceChoice::Cpu));
    }
}

#[test]
fn the_first_token_may_stand_for_the_text() {
    for name in TINY {
        let golden = TinyEncoder::load(name);
        golden.check_cls(&*open(&golden.with_cls_pooling(), None, DeviceChoice::Cpu));
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
fn threads_and_company_change_no_bit() {
    let encoder = data("bert-q4_0.gguf");
    let texts: Vec<Vec<u32>> = (1..=64).map(|length| (0..length).map(|at| at * 37 % 128).collect()).collect();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let alone = open(&encoder, None, DeviceChoice::Cpu);
    let expected: Vec<Vec<f32>> = texts.iter().map(|text| embed(&*alone, &[text]).remove(0)).collect();
    for threads in [1, 2, 3] {
        let cpu = CpuOptions { threads: Some(threads) };
        let options = OpenOptions { device: DeviceChoice::Cpu, cpu, ..OpenOptions::default() };
        let executor = pollster::block_on(open_encoder(&encoder, None, options)).unwrap().executor;
        assert_eq!(embed(&*executor, &texts), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever pairs are judged together, each gets the bits that it gets alone.
    #[test]
    fn pairs_do_not_see_each_other(order in proptest::collection::vec(0usize..8, 1..6)) {
        static ALONE: LazyLock<Vec<mome_engine::RerankLogits>> = LazyLock::new(|| {
            GoldenPair::load_all().iter().map(|pair| rerank(&**DEFAULT, &[pair.tokens()])[0]).collect()
        });
        let golden = GoldenPair::load_all();
        let pairs: Vec<TokenPair<'_>> = order.iter().map(|index| golden[*index].tokens()).collect();
        let expected: Vec<_> = order.iter().map(|index| ALONE[*index]).collect();
        prop_assert_eq!(rerank(&**DEFAULT, &pairs), expected);
    }
}

#[test]
fn token_types_tell_parts_apart() {
    let golden = &GoldenPair::load_all()[0];
    let pair = golden.tokens();
    let whole = TokenPair::single(pair.tokens);
    let found = rerank(&**DEFAULT, &[pair, whole]);
    assert!((found[0].same - found[1].same).abs() > 0.02);
}

#[test]
fn an_empty_batch_is_no_error() {
    assert!(embed(&**DEFAULT, &[]).is_empty());
    assert!(rerank(&**DEFAULT, &[]).is_empty());
}

#[test]
fn inputs_that_cannot_be_read_are_refused() {
    let encoder = open(&data("bert-f32.gguf"), None, DeviceChoice::Cpu);
    let embed = |texts: &[&[u32]]| pollster::block_on(encoder.embed(texts)).unwrap_err();
    assert!(matches!(embed(&[&[2, 3], &[]]), EngineError::Empty { text: 1 }));
    assert!(matches!(embed(&[&[2; 65]]), EngineError::TooLong { tokens: 65, capacity: 64 }));
    assert!(matches!(embed(&[&[2, 128]]), EngineError::Token { token: 128, vocabulary: 128 }));
    let pair = TokenPair::single(&[2, 3]);
    let states = |layer| pollster::block_on(encoder.states(pair, &[layer]));
    assert!(states(3).is_ok());
    assert!(matches!(states(4), Err(EngineError::Layer { layer: 4, layers: 3 })));
    assert!(matches!(pollster::block_on(encoder.rerank(&[pair])), Err(EngineError::NoReranker)));
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let (encoder, reranker) = (data("bert-f32.gguf"), default_reranker());
    let refusal = |encoder: &[u8], reranker: Option<&[u8]>| {
        pollster::block_on(open_encoder(encoder, reranker, DeviceChoice::Cpu)).unwrap_err()
    };
    let other = refusal(&encoder, Some(&reranker));
    assert!(matches!(other, EngineError::Reranker(RerankerError::OtherEncoder { .. })), "{other}");
    assert!(matches!(refusal(&reranker, None), EngineError::Encoder(EncoderError::Kind(_))));
    assert!(matches!(refusal(&encoder, Some(&encoder)), EngineError::Reranker(RerankerError::Kind(_))));
    let short = &encoder[..encoder.len() - 1];
    assert!(matches!(refusal(short, None), EngineError::Encoder(EncoderError::Gguf(_))));
    let backbone = pollster::block_on(mome_engine::open(&encoder, DeviceChoice::Cpu)).unwrap_err();
    assert!(matches!(backbone, EngineError::Backbone(BackboneError::Kind(_))), "{backbone}");

    let mut opening = EncoderOpening::new(encoder.len() as u64, DeviceChoice::Cpu.into());
    pollster::block_on(opening.push(short)).unwrap();
    let Err(incomplete) = opening.begin_reranker(1) else { panic!("the encoder is not complete") };
    assert!(matches!(incomplete, EngineError::Length { .. }), "{incomplete}");
}
