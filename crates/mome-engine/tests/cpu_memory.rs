//! The CPU's attention over answer slots against a naive loop in double precision.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, LazyLock};

use common::{Golden, any_memory, assert_prediction, attend_naively, cpu, run_once};
use mome_engine::{
    Argmax, AttachedExpert, AttentionParameters, Executor, Head, Memory, MemorySlot, Pass, QueryProjection,
    Sampler, sample,
};
use mome_pack::KEY_WIDTH;
use pollster::block_on;
use proptest::prelude::*;

static GOLDEN: LazyLock<Golden> = LazyLock::new(|| Golden::load("llama-tied-q4_0"));
static CPU: LazyLock<Arc<dyn Executor>> = LazyLock::new(|| cpu(&GOLDEN.file));

/// Checks every row; says for how many of them null led.
fn check(memory: &Memory, tokens: &[u32], rows: usize) -> usize {
    let watch = [3, 0, 511, 3];
    let head = Head { rows, watch: &watch, hidden: true, logits: true, memory: None };
    let bare = run_once(&**CPU, tokens, head);
    let with = run_once(&**CPU, tokens, Head { memory: Some(memory), ..head });
    assert_eq!(bare.hidden, with.hidden);
    let config = GOLDEN.backbone.config();
    let mut led = 0;
    for row in 0..rows {
        let hidden = &with.hidden[row * config.hidden..][..config.hidden];
        let of_row = |logits: &'_ [f32]| logits[row * config.vocabulary..][..config.vocabulary].to_vec();
        let (bare_logits, logits) = (of_row(&bare.logits), of_row(&with.logits));
        let (prediction, expected) =
            (&with.predictions[row], attend_naively(memory, row, hidden, config.vocabulary));
        assert_prediction(prediction, &logits, &watch);
        assert_eq!(bare.predictions[row].slot, None);
        if expected.lead.abs() < 1e-3 {
            continue;
        }
        if expected.lead > 0.0 {
            led += 1;
            assert_eq!(logits, bare_logits, "null leads, so no bit may change");
            assert_eq!(prediction.slot, None);
            continue;
        }
        let slot = prediction.slot.expect("slots are attended to") as usize;
        let best = expected.scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(expected.scores[slot] > best - 1e-4, "slot {slot}: {} below {best}", expected.scores[slot]);
        for (token, logit) in logits.iter().enumerate() {
            let sum = f64::from(bare_logits[token]) + expected.raised[token];
            assert!((f64::from(*logit) - sum).abs() < 1e-3, "row {row}, token {token}: {logit} for {sum}");
        }
    }
    led
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn equals_a_naive_loop(
        memory in any_memory(&GOLDEN.backbone),
        tokens in proptest::collection::vec(0u32..512, 1..12),
        rows in 1usize..12,
    ) {
        check(&memory, &tokens, rows.min(tokens.len()));
    }
}

#[test]
fn null_leads_by_its_margin_and_not_before() {
    let tokens = [1, 2, 3, 4];
    let mut memory = one_slot();
    let score = attend_naively(&memory, 0, &final_hidden(&tokens), 512).scores[0] as f32;
    memory.parameters.null = score + memory.parameters.margin - 0.01;
    assert_eq!(check(&memory, &tokens, 1), 0);
    memory.parameters.null = score + memory.parameters.margin + 0.01;
    assert_eq!(check(&memory, &tokens, 1), 1);
}

#[test]
fn the_lowest_of_equal_slots_is_named() {
    let mut memory = one_slot();
    memory.slots = vec![memory.slots[0].clone(); 3];
    memory.parameters.null = -100.0;
    let output = run_once(&**CPU, &[1, 2], Head { rows: 1, memory: Some(&memory), ..Head::default() });
    assert_eq!(output.predictions[0].slot, Some(0));
}

#[test]
fn memory_without_slots_changes_nothing() {
    let mut memory = one_slot();
    memory.slots.clear();
    assert_eq!(check(&memory, &[5, 6], 2), 2);
}

/// The second best token: a sampler that is not greedy.
struct SecondBest;

impl Sampler for SecondBest {
    fn sample(&mut self, logits: &[f32]) -> u32 {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        order[1] as u32
    }
}

/// Goes on after a question with a sampler, and says what each token's logits were.
fn sampled(sampler: &mut dyn Sampler, memory: Option<&Memory>, most: usize) -> Vec<u32> {
    let mut sequence = CPU.begin(40).unwrap();
    block_on(sequence.run(Pass { tokens: &[1, 2, 3], ..Pass::default() })).unwrap();
    block_on(sample(&mut *sequence, memory, sampler, most, |token| token != 0)).unwrap()
}

#[test]
fn the_largest_logit_sampled_is_greedy_decoding() {
    let memory = one_slot();
    for memory in [None, Some(&memory)] {
        let mut sequence = CPU.begin(40).unwrap();
        block_on(sequence.run(Pass { tokens: &[1, 2, 3], ..Pass::default() })).unwrap();
        let decoded = block_on(sequence.decode(12, memory)).unwrap();
        let decoded: Vec<u32> = decoded.iter().map(|prediction| prediction.token).collect();
        let wanted = decoded.iter().position(|&token| token == 0).unwrap_or(decoded.len());
        assert_eq!(sampled(&mut Argmax, memory, 12), decoded[..wanted]);
    }
    assert_eq!(Argmax.sample(&[1.0, 3.0, 3.0, 2.0]), 1, "the lowest among equals");
}

#[test]
fn another_sampler_decides_what_is_said() {
    let tokens = sampled(&mut SecondBest, None, 6);
    assert_eq!(tokens.len(), 6);
    for at in 0..tokens.len() {
        let before = [&[1, 2, 3], &tokens[..at]].concat();
        let head = Head { rows: 1, logits: true, ..Head::default() };
        let logits = run_once(&**CPU, &before, head).logits;
        let larger = logits.iter().filter(|logit| **logit > logits[tokens[at] as usize]).count();
        assert_eq!(larger, 1, "token {at}");
    }
}

/// Memory of one expert with one slot.
fn one_slot() -> Memory {
    let query = (0..KEY_WIDTH * 128).map(|at| ((at * 7919) % 251) as f32 / 125.0 - 1.0).collect();
    Memory {
        query: QueryProjection(query),
        parameters: AttentionParameters { beta: 8.0, gamma: 1.0, null: 0.0, margin: 2.0 },
        experts: vec![AttachedExpert { bias: 1.0, next_place: 0 }],
        slots: vec![MemorySlot { expert: 0, place: 1, token: 7, strength: 9.0, key: [0.125; KEY_WIDTH] }],
    }
}

/// The final hidden state at the last of some tokens.
fn final_hidden(tokens: &[u32]) -> Vec<f32> {
    run_once(&**CPU, tokens, Head { rows: 1, hidden: true, ..Head::default() }).hidden
}
