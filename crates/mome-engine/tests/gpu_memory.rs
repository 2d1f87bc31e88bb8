//! The GPU's attention over answer slots against the CPU, and against its own logits without memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, LazyLock};

use common::{Golden, any_memory, assert_close, assert_prediction, attend_naively, cpu, gpu, run, run_once};
use mome_engine::{Executor, Head, MAX_SLOTS, Memory, Pass};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

static MODEL: LazyLock<Golden> = LazyLock::new(|| Golden::load("llama-tied-q4_0"));
static CPU: LazyLock<Arc<dyn Executor>> = LazyLock::new(|| cpu(&MODEL.file));
static GPU: LazyLock<Arc<dyn Executor>> = LazyLock::new(|| gpu(&MODEL.file));

/// Checks every row against the CPU, and against the logits without memory. Says for how many rows null led.
fn check(memory: &Memory, tokens: &[u32], rows: usize) -> usize {
    let watch = [3, 0, 511, 3, memory.slots.first().map_or(0, |slot| slot.token)];
    let head = Head { rows, watch: &watch, hidden: true, logits: true, memory: Some(memory) };
    let bare = run_once(&**GPU, tokens, Head { memory: None, ..head });
    let gpu = run_once(&**GPU, tokens, head);
    let cpu = run_once(&**CPU, tokens, head);
    assert_eq!(bare.hidden, gpu.hidden);
    let config = MODEL.backbone.config();
    let mut led = 0;
    for row in 0..rows {
        let of_row = |logits: &'_ [f32]| logits[row * config.vocabulary..][..config.vocabulary].to_vec();
        let logits = of_row(&gpu.logits);
        let prediction = &gpu.predictions[row];
        assert_prediction(prediction, &logits, &watch);
        let hidden = &gpu.hidden[row * config.hidden..][..config.hidden];
        let naive = attend_naively(memory, row, hidden, config.vocabulary);
        if naive.lead.abs() < 1e-3 {
            continue;
        }
        if naive.lead > 0.0 {
            led += 1;
            assert_eq!(logits, of_row(&bare.logits), "null leads, so no bit may change");
            assert_eq!(prediction.slot, None);
            continue;
        }
        assert_close("logits", &logits, &of_row(&cpu.logits));
        let slot = prediction.slot.expect("slots are attended to") as usize;
        let best = naive.scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(naive.scores[slot] > best - 1e-4, "slot {slot}: {} below {best}", naive.scores[slot]);
    }
    led
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn equals_the_cpu(
        memory in any_memory(&MODEL.backbone),
        tokens in proptest::collection::vec(0u32..512, 1..20),
        rows in 1usize..20,
    ) {
        check(&memory, &tokens, rows.min(tokens.len()));
    }
}

/// A memory with slots in which null is far behind.
fn attended() -> Memory {
    let mut runner = TestRunner::deterministic();
    let strategy = any_memory(&MODEL.backbone).prop_filter("slots", |memory| memory.slots.len() > 20);
    let mut memory = strategy.new_tree(&mut runner).unwrap().current();
    memory.parameters.null = -50.0;
    memory
}

#[test]
fn as_many_slots_as_there_may_be() {
    let mut memory = attended();
    memory.slots = memory.slots.into_iter().cycle().take(MAX_SLOTS).collect();
    memory.slots.sort_by_key(|slot| (slot.token, slot.expert, slot.place));
    assert_eq!(check(&memory, &MODEL.ids[..11], 11), 0);
}

#[test]
fn the_lowest_of_equal_slots_is_named() {
    let mut memory = attended();
    memory.slots = vec![memory.slots[0].clone(); 150];
    let output = run_once(&**GPU, &[1, 2], Head { rows: 2, memory: Some(&memory), ..Head::default() });
    assert!(output.predictions.iter().all(|prediction| prediction.slot == Some(0)));
}

#[test]
fn null_leads_by_its_margin_and_not_before() {
    let mut memory = attended();
    let tokens = [1, 2, 3, 4];
    let hidden = run_once(&**CPU, &tokens, Head { rows: 1, hidden: true, ..Head::default() }).hidden;
    let scores = attend_naively(&memory, 0, &hidden, 512).scores;
    let edge = scores.into_iter().fold(f64::MIN, f64::max) as f32 + memory.parameters.margin;
    memory.parameters.null = edge - 0.01;
    assert_eq!(check(&memory, &tokens, 1), 0);
    memory.parameters.null = edge + 0.01;
    assert_eq!(check(&memory, &tokens, 1), 1);
}

#[test]
fn memory_without_slots_changes_nothing() {
    let mut memory = attended();
    memory.slots.clear();
    assert_eq!(check(&memory, &[5, 6], 2), 2);
}

/// A draft checked in one pass, the question's last position included, says what token-by-token decoding says.
#[test]
fn verifying_a_draft_equals_decoding_it() {
    let memory = attended();
    let (question, count) = (&MODEL.ids[..9], 12);

    let mut sequence = GPU.begin(question.len() + count).unwrap();
    run(&mut *sequence, Pass { tokens: question, ..Pass::default() });
    let mut decoded: Vec<u32> = Vec::new();
    let mut next = memory.clone();
    for place in 0..count {
        let tokens = decoded.last().map(std::slice::from_ref).unwrap_or_default();
        for (expert, start) in next.experts.iter_mut().zip(&memory.experts) {
            expert.next_place = start.next_place + place as u32;
        }
        let head = Head { rows: 1, memory: Some(&next), ..Head::default() };
        let output = run(&mut *sequence, Pass { tokens, states: &[], head: Some(head) });
        decoded.push(output.predictions[0].token);
    }

    let mut sequence = GPU.begin(question.len() + count).unwrap();
    run(&mut *sequence, Pass { tokens: question, ..Pass::default() });
    let head = Head { rows: count, memory: Some(&memory), ..Head::default() };
    let pass = Pass { tokens: &decoded[..count - 1], states: &[], head: Some(head) };
    let verified: Vec<u32> = run(&mut *sequence, pass).predictions.iter().map(|p| p.token).collect();
    assert_eq!(verified, decoded);
    assert!(decoded.iter().any(|token| memory.slots.iter().any(|slot| slot.token == *token)));
}

/// Decoding with experts attached expects one past the slot used last, as one pass for each token does that is told so.
#[test]
fn decoding_with_memory_equals_passes_that_follow_the_slot_used_last() {
    let (question, count) = (&MODEL.ids[..9], 12);
    let mut runner = TestRunner::deterministic();
    let strategy = any_memory(&MODEL.backbone).prop_filter("slots", |memory| memory.slots.len() > 20);
    let mut followed = 0;
    for _ in 0..8 {
        let mut memory = strategy.new_tree(&mut runner).unwrap().current();
        memory.parameters.null = -50.0;
        for executor in [&*CPU, &*GPU] {
            let mut sequence = executor.begin(question.len() + count).unwrap();
            run(&mut *sequence, Pass { tokens: question, ..Pass::default() });
            let decoded = pollster::block_on(sequence.decode(count, Some(&memory))).unwrap();

            let mut sequence = executor.begin(question.len() + count).unwrap();
            run(&mut *sequence, Pass { tokens: question, ..Pass::default() });
            let (mut next, mut last) = (memory.clone(), None);
            for prediction in &decoded {
                let head = Head { rows: 1, memory: Some(&next), ..Head::default() };
                let output =
                    run(&mut *sequence, Pass { tokens: last.as_slice(), states: &[], head: Some(head) });
                let own = &output.predictions[0];
                let device = executor.device();
                assert_eq!((own.token, own.slot), (prediction.token, prediction.slot), "{device}");
                last = Some(own.token);
                let slot = own.slot.expect("null is far behind");
                let expert = next.slots[slot as usize].expert as usize;
                let counted = next.experts[expert].next_place + 1;
                next.used(slot);
                followed += usize::from(next.experts[expert].next_place != counted);
            }
        }
    }
    assert!(followed > 0, "no place was skipped: then this shows little");
}
