//! The GPU executor against logits of an independent implementation, against the CPU, and against itself. Any
//! adapter will do, an emulated one too; where there is none these tests fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, LazyLock};

use common::{GOLDEN, Golden, assert_close, assert_prediction, cpu, gpu, greedy, run, run_once, tiny};
use mome_engine::{DeviceChoice, EngineError, Executor, Head, Pass, open};
use proptest::prelude::*;

static MODEL: LazyLock<Golden> = LazyLock::new(|| Golden::load("llama-tied-q8_0"));
static GPU: LazyLock<Arc<dyn Executor>> = LazyLock::new(|| gpu(&MODEL.file));

#[test]
fn logits_and_greedy_tokens_equal_the_golden_ones() {
    for name in GOLDEN {
        let golden = Golden::load(name);
        golden.check(&*gpu(&golden.file));
    }
}

#[test]
fn the_default_backbone_says_what_its_card_says() {
    let executor = gpu(&tiny());
    let backbone = executor.backbone();
    let prompt = backbone.frame().prompt(backbone.tokenizer(), "What is the capital of France?");
    let tokens = greedy(&*executor, &prompt.tokens, 5);
    assert_eq!(backbone.tokenizer().decode(&tokens), " Liberal.\n");
}

#[test]
fn a_pass_that_is_run_in_slices_equals_the_cpu() {
    let (cpu, gpu) = (cpu(&tiny()), gpu(&tiny()));
    let vocabulary = cpu.backbone().config().vocabulary as u32;
    let tokens: Vec<u32> = (0..300).map(|at| at * 7919 % vocabulary).collect();
    // The second pass is longer than a slice, and its head begins at the position before it.
    let outputs = [cpu, gpu].map(|executor| {
        let mut sequence = executor.begin(tokens.len()).unwrap();
        run(&mut *sequence, Pass { tokens: &tokens[..30], ..Pass::default() });
        let head = Head { rows: 271, hidden: true, watch: &[5, 0], ..Head::default() };
        run(&mut *sequence, Pass { tokens: &tokens[30..], states: &[6, 2, 0], head: Some(head) })
    });
    let [cpu, gpu] = outputs;
    assert_close("hidden", &gpu.hidden, &cpu.hidden);
    for (layer, (gpu, cpu)) in gpu.states.iter().zip(&cpu.states).enumerate() {
        assert_close(&format!("states {layer}"), gpu, cpu);
    }
    assert_eq!(gpu.predictions.len(), 271);
    for (gpu, cpu) in gpu.predictions.iter().zip(&cpu.predictions) {
        assert_close("watched", &gpu.watched, &cpu.watched);
        assert_close("sums", &[gpu.log_sum, gpu.logprob], &[cpu.log_sum, cpu.logprob]);
    }
}

#[test]
fn the_same_pass_gives_the_same_bits_whatever_else_runs() {
    let head = Head { rows: 7, logits: true, hidden: true, ..Head::default() };
    let pass = Pass { tokens: &MODEL.ids[..7], states: &[1, 3], head: Some(head) };
    let mut alone = GPU.begin(7).unwrap();
    let expected = run(&mut *alone, pass);
    let (mut one, mut other) = (GPU.begin(20).unwrap(), GPU.begin(40).unwrap());
    run(&mut *other, Pass { tokens: &MODEL.ids[..13], ..Pass::default() });
    let output = run(&mut *one, pass);
    run(&mut *other, Pass { tokens: &MODEL.ids[13..], ..Pass::default() });
    assert_eq!(output.logits, expected.logits);
    assert_eq!(output.hidden, expected.hidden);
    assert_eq!(output.states, expected.states);
    assert_eq!(output.predictions, expected.predictions);
}

#[test]
fn predictions_say_what_the_logits_say() {
    let watch = [511, 3, 3, 0];
    let head = Head { rows: 19, logits: true, watch: &watch, ..Head::default() };
    let output = run_once(&**GPU, &MODEL.ids, head);
    assert_eq!(output.predictions.len(), 19);
    for (prediction, logits) in output.predictions.iter().zip(output.logits.chunks(512)) {
        assert_prediction(prediction, logits, &watch);
        assert_eq!(prediction.slot, None);
    }
}

#[test]
fn nothing_asked_is_nothing_done() {
    let mut sequence = GPU.begin(4).unwrap();
    let output = run(&mut *sequence, Pass { states: &[0, 1], ..Pass::default() });
    assert_eq!(output.states, [[0.0; 0]; 2]);
    let head = Head { rows: 0, hidden: true, logits: true, ..Head::default() };
    let output = run(&mut *sequence, Pass { tokens: &[1], states: &[], head: Some(head) });
    assert!(output.predictions.is_empty() && output.hidden.is_empty() && output.logits.is_empty());
    assert_eq!(sequence.len(), 1);
}

#[test]
fn a_refused_pass_leaves_the_sequence_as_it_was() {
    let head = Head { rows: 2, logits: true, ..Head::default() };
    let next = Pass { tokens: &[4], states: &[], head: Some(head) };
    let begin = || {
        let mut sequence = GPU.begin(4).unwrap();
        run(&mut *sequence, Pass { tokens: &[1, 2, 3], ..Pass::default() });
        sequence
    };
    let mut sequence = begin();
    let mut refusal = |pass| pollster::block_on(sequence.run(pass)).unwrap_err();
    let too_long = refusal(Pass { tokens: &[0; 2], ..Pass::default() });
    assert!(matches!(too_long, EngineError::TooLong { tokens: 5, capacity: 4 }), "{too_long}");
    let too_many_rows = refusal(Pass { head: Some(head), ..Pass::default() });
    assert!(matches!(too_many_rows, EngineError::Rows { rows: 2, available: 1 }), "{too_many_rows}");
    let unknown = refusal(Pass { tokens: &[512], ..Pass::default() });
    assert!(matches!(unknown, EngineError::Token { token: 512, vocabulary: 512 }), "{unknown}");
    assert_eq!(run(&mut *sequence, next).logits, run(&mut *begin(), next).logits);

    let too_long = GPU.begin(257).err().unwrap();
    assert!(matches!(too_long, EngineError::TooLong { tokens: 257, capacity: 256 }), "{too_long}");
}

/// An emulated adapter is refused with its name and the reason; a real one is taken.
#[test]
fn emulated_adapters_are_taken_only_where_allowed() {
    let emulated =
        ["llvmpipe", "swiftshader", "lavapipe"].iter().any(|name| GPU.device().to_lowercase().contains(name));
    let opened = pollster::block_on(open(&MODEL.file, DeviceChoice::Auto)).unwrap();
    match opened.device_note {
        None => assert!(!emulated, "{} was taken", opened.executor.device()),
        Some(reason) => {
            let name = GPU.device().strip_prefix("gpu: ").unwrap();
            assert!(reason.contains(name) && reason.contains("software"), "{reason}");
            assert_eq!(opened.executor.device(), "cpu");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However a sequence is cut into passes the same comes out, up to rounding; and the position before a pass
    /// is at hand.
    #[test]
    fn passes_may_be_cut_anywhere(mut cuts in proptest::collection::vec(0usize..=40, 0..5), layer in 0usize..=3) {
        static WHOLE: LazyLock<mome_engine::Output> = LazyLock::new(|| {
            let head = Head { rows: 40, logits: true, ..Head::default() };
            let mut sequence = GPU.begin(40).unwrap();
            run(&mut *sequence, Pass { tokens: &MODEL.ids, states: &[0, 1, 2, 3], head: Some(head) })
        });
        cuts.sort_unstable();
        cuts.push(40);
        let mut sequence = GPU.begin(40).unwrap();
        let (mut states, mut start) = (Vec::<f32>::new(), 0);
        for end in cuts {
            let rows = end - start + usize::from(start > 0);
            let head = Head { rows, logits: true, ..Head::default() };
            let pass = Pass { tokens: &MODEL.ids[start..end], states: &[layer], head: Some(head) };
            let part = run(&mut *sequence, pass);
            states.extend(&part.states[0]);
            assert_close("logits", &part.logits, &WHOLE.logits[(end - rows) * 512..end * 512]);
            start = end;
            prop_assert_eq!(sequence.len(), end);
        }
        assert_close("states", &states, &WHOLE.states[layer]);
    }
}

/// The prompt in one pass, then decoding in chunks: predictions equal those of one pass for each token.
#[test]
fn decoding_several_tokens_at_once_equals_one_at_a_time() {
    for name in GOLDEN {
        let golden = Golden::load(name);
        for executor in [cpu(&golden.file), gpu(&golden.file)] {
            let mut sequence = executor.begin(12 + golden.greedy.len()).unwrap();
            run(&mut *sequence, Pass { tokens: &golden.ids[..12], ..Pass::default() });
            let mut decoded = Vec::new();
            for count in [1, 8, 0, 3, golden.greedy.len() - 12] {
                let predictions = pollster::block_on(sequence.decode(count, None)).unwrap();
                assert_eq!(predictions.len(), count);
                decoded.extend(predictions);
                assert_eq!(sequence.len(), 12 + decoded.len());
            }
            let tokens: Vec<u32> = decoded.iter().map(|prediction| prediction.token).collect();
            assert_eq!(tokens, golden.greedy, "{name} on {}", executor.device());

            let head = Head { rows: tokens.len(), ..Head::default() };
            let all = [&golden.ids[..12], &tokens[..tokens.len() - 1]].concat();
            let at_once = run_once(&*executor, &all, head).predictions;
            for (found, expected) in decoded.iter().zip(&at_once) {
                let sums = [found.log_sum, found.logprob];
                assert_close(name, &sums, &[expected.log_sum, expected.logprob]);
            }
        }
    }
}
