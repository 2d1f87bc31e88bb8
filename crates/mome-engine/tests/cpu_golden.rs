//! The CPU executor against logits of an independent implementation, and against itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{GOLDEN, Golden, cpu, greedy, run, run_once, tiny};
use mome_engine::{CpuOptions, DeviceChoice, Head, OpenOptions, Pass, open};
use proptest::prelude::*;

#[test]
fn logits_and_greedy_tokens_equal_the_golden_ones() {
    for name in GOLDEN {
        let golden = Golden::load(name);
        golden.check(&*cpu(&golden.file));
    }
}

#[test]
fn the_default_backbone_says_what_its_card_says() {
    let executor = cpu(&tiny());
    let backbone = executor.backbone();
    let prompt = backbone.frame().prompt(backbone.tokenizer(), "What is the capital of France?");
    let tokens = greedy(&*executor, &prompt.tokens, 5);
    assert_eq!(backbone.tokenizer().decode(&tokens), " Liberal.\n");
}

#[test]
fn threads_change_no_bit() {
    for name in ["llama-q8_0", "qwen3-q4_0", "gpt2-f32"] {
        let golden = Golden::load(name);
        let head = Head { rows: golden.ids.len(), logits: true, ..Head::default() };
        let run = |threads| {
            let cpu = CpuOptions { threads: Some(threads) };
            let options = OpenOptions { device: DeviceChoice::Cpu, cpu, ..OpenOptions::default() };
            let executor = pollster::block_on(open(&golden.file, options)).unwrap().executor;
            run_once(&*executor, &golden.ids, head)
        };
        let alone = run(1);
        for threads in [2, 3] {
            let shared = run(threads);
            assert_eq!(shared.logits, alone.logits, "{name}");
            assert_eq!(shared.predictions, alone.predictions, "{name}");
        }
    }
}

#[test]
fn states_are_the_residual_stream() {
    let golden = Golden::load("llama-q4_0");
    let config = golden.backbone.config();
    let executor = cpu(&golden.file);
    let mut sequence = executor.begin(golden.ids.len()).unwrap();
    let head = Head { rows: 1, hidden: true, ..Head::default() };
    let layers = [config.layers, 0, 1, 0];
    let output = run(&mut *sequence, Pass { tokens: &golden.ids, states: &layers, head: Some(head) });
    assert_eq!(output.states.len(), layers.len());
    let width = config.hidden;
    assert!(output.states.iter().all(|state| state.len() == golden.ids.len() * width));
    assert_eq!(output.states[1], output.states[3]);

    let (embedding, embeddings) = golden.tensor("token_embd.weight");
    let row_bytes = embedding.kind.row_bytes(width);
    let mut row = vec![0.0; width];
    for (id, state) in golden.ids.iter().zip(output.states[1].chunks(width)) {
        embedding.kind.dequantize(&embeddings[*id as usize * row_bytes..][..row_bytes], &mut row);
        assert_eq!(state, row);
    }

    let (norm, norm_data) = golden.tensor("output_norm.weight");
    let mut weight = vec![0.0; width];
    norm.kind.dequantize(norm_data, &mut weight);
    let last = &output.states[0][(golden.ids.len() - 1) * width..];
    let mean_square = last.iter().map(|value| f64::from(value * value)).sum::<f64>() / width as f64;
    let scale = (mean_square + f64::from(config.norm_epsilon)).sqrt();
    for ((value, weight), hidden) in last.iter().zip(weight).zip(&output.hidden) {
        assert!((f64::from(*value) / scale * f64::from(weight) - f64::from(*hidden)).abs() < 1e-4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However a sequence is cut into passes, the same bits come out; and the position before a pass is at hand.
    #[test]
    fn passes_may_be_cut_anywhere(cuts in proptest::collection::vec(0usize..=40, 0..5), layer in 0usize..=3) {
        let golden = Golden::load("llama-tied-q8_0");
        let executor = cpu(&golden.file);
        let head = |rows| Some(Head { rows, logits: true, hidden: true, ..Head::default() });
        let mut whole = executor.begin(40).unwrap();
        let whole = run(&mut *whole, Pass { tokens: &golden.ids, states: &[layer], head: head(40) });

        let mut cuts = cuts;
        cuts.sort_unstable();
        cuts.push(40);
        let mut sequence = executor.begin(40).unwrap();
        let (mut states, mut start) = (Vec::<f32>::new(), 0);
        let vocabulary = golden.backbone.config().vocabulary;
        for end in cuts {
            let rows = end - start + usize::from(start > 0);
            let pass = Pass { tokens: &golden.ids[start..end], states: &[layer], head: head(rows) };
            let part = run(&mut *sequence, pass);
            states.extend(&part.states[0]);
            prop_assert_eq!(&part.logits, &whole.logits[(end - rows) * vocabulary..end * vocabulary]);
            prop_assert_eq!(&part.predictions, &whole.predictions[end - rows..end]);
            start = end;
            prop_assert_eq!(sequence.len(), end);
        }
        prop_assert_eq!(&states, &whole.states[0]);
    }
}
