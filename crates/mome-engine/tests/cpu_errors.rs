//! What the CPU executor refuses, and that a refused pass leaves the sequence as it was.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{cpu, data, run};
use mome_engine::{
    AttachedExpert, AttentionParameters, DeviceChoice, Head, MAX_SLOTS, Memory, MemorySlot, Opening, Pass,
    QueryProjection, Sequence, open,
};
use mome_pack::KEY_WIDTH;

/// A sequence of eight tokens of which three have run.
fn begun() -> Box<dyn Sequence> {
    let executor = cpu(&data("llama-tied-q4_0.gguf"));
    let mut sequence = executor.begin(8).unwrap();
    run(&mut *sequence, Pass { tokens: &[1, 2, 3], ..Pass::default() });
    sequence
}

fn refusal(pass: Pass<'_>) -> String {
    let mut sequence = begun();
    let message = pollster::block_on(sequence.run(pass)).unwrap_err().to_string();
    let head = Head { rows: 2, logits: true, ..Head::default() };
    let next = Pass { tokens: &[4], states: &[], head: Some(head) };
    assert_eq!(run(&mut *sequence, next).logits, run(&mut *begun(), next).logits, "{message}");
    message
}

#[test]
fn passes_that_do_not_fit() {
    let executor = cpu(&data("llama-f32.gguf"));
    let message = executor.begin(257).err().unwrap().to_string();
    assert_eq!(message, "257 tokens do not fit: the context holds 256");
    let pass = Pass { tokens: &[0; 6], ..Pass::default() };
    assert_eq!(refusal(pass), "9 tokens do not fit: the context holds 8");
    let pass = Pass { tokens: &[1, 512], ..Pass::default() };
    assert_eq!(refusal(pass), "token 512 is not in the vocabulary of 512");
    let pass = Pass { states: &[0, 4], ..Pass::default() };
    assert_eq!(refusal(pass), "there is no layer 4: the model has 3 blocks");
    let head = Head { rows: 4, ..Head::default() };
    let pass = Pass { tokens: &[1, 2], states: &[], head: Some(head) };
    assert_eq!(refusal(pass), "the head wants 4 rows, but only 3 positions are at hand");
    let head = Head { watch: &[512], ..Head::default() };
    let pass = Pass { tokens: &[1], states: &[], head: Some(head) };
    assert_eq!(refusal(pass), "token 512 is not in the vocabulary of 512");
    let mut empty = executor.begin(4).unwrap();
    let head = Head { rows: 1, ..Head::default() };
    let message = pollster::block_on(empty.run(Pass { head: Some(head), ..Pass::default() })).unwrap_err();
    assert_eq!(message.to_string(), "the head wants 1 rows, but only 0 positions are at hand");
}

#[test]
fn memory_that_does_not_fit() {
    let slot = |token| MemorySlot { expert: 0, place: 0, token, strength: 1.0, key: [0.1; KEY_WIDTH] };
    let good = Memory {
        query: QueryProjection(Arc::from(vec![0.5; KEY_WIDTH * 128])),
        parameters: AttentionParameters { beta: 1.0, gamma: 1.0, null: 0.0, margin: 1.0 },
        experts: vec![AttachedExpert { bias: 0.0, next_place: 0 }],
        slots: vec![slot(3), slot(5)],
    };
    let refused = |change: &dyn Fn(&mut Memory)| {
        let mut memory = good.clone();
        change(&mut memory);
        let head = Head { rows: 1, memory: Some(&memory), ..Head::default() };
        refusal(Pass { tokens: &[1], states: &[], head: Some(head) })
    };
    assert_eq!(
        refused(&|memory| memory.slots = vec![slot(3); MAX_SLOTS + 1]),
        "memory: 2049 slots are more than the 2048 that a pass can attend to"
    );
    assert_eq!(
        refused(&|memory| memory.slots[1].token = 512),
        "memory: slot 1 raises token 512, which is not in the vocabulary"
    );
    assert_eq!(refused(&|memory| memory.slots[0].expert = 1), "memory: slot 0 belongs to expert 1 of 1");
    assert_eq!(
        refused(&|memory| memory.slots.reverse()),
        "memory: the slots are not sorted by token, expert and place"
    );
    assert!(refused(&|memory| memory.query = QueryProjection(Arc::from([0.5; 64]))).contains("[64, d]"));
    let nan = f32::NAN;
    assert!(
        refused(&|memory| memory.query = QueryProjection(Arc::from(vec![nan; 64 * 128]))).contains("W_query")
    );
    assert!(refused(&|memory| memory.slots[1].strength = f32::INFINITY).contains("slot 1 has a number"));
    assert!(refused(&|memory| memory.slots[1].key[63] = nan).contains("slot 1 has a number"));
    assert!(refused(&|memory| memory.experts[0].bias = nan).contains("the bias of expert 0"));
    for parameter in [0, 1, 2, 3] {
        let message = refused(&|memory| {
            let AttentionParameters { beta, gamma, null, margin } = &mut memory.parameters;
            *[beta, gamma, null, margin][parameter] = nan;
        });
        assert_eq!(message, "memory: a parameter of the attention is not finite");
    }
}

#[test]
fn weights_that_are_not_there() {
    let missing = with_name("blk.1.ffn_up.weight", "blk.1.ffn_xx.weight");
    assert_eq!(missing, "tensor blk.1.ffn_up.weight: it is missing");
    let swapped = with_name("blk.2.attn_q.weight", "blk.2.attn_k.weight");
    assert_eq!(swapped, "tensor blk.2.attn_q.weight: its shape is [128, 64], not [128, 128]");
}

/// What loading says once two names are swapped in the file.
fn with_name(one: &str, other: &str) -> String {
    let mut file = data("llama-tied-q4_0.gguf");
    let find = |name: &str| file.windows(name.len()).position(|window| window == name.as_bytes());
    let places = [(find(one), other), (find(other), one)];
    for (place, name) in places {
        if let Some(at) = place {
            file[at..at + name.len()].copy_from_slice(name.as_bytes());
        }
    }
    pollster::block_on(open(&file, DeviceChoice::Cpu)).unwrap_err().to_string()
}

#[test]
fn files_of_another_length() {
    let file = data("llama-tied-q4_0.gguf");
    let opened = |said: usize, file: &[u8]| {
        pollster::block_on(async {
            let mut opening = Opening::new(said as u64, DeviceChoice::Cpu.into());
            opening.push(file).await?;
            opening.finish().await
        })
    };
    let length = file.len();
    opened(length, &file).unwrap();
    let short = opened(length, &file[..length - 1]).unwrap_err().to_string();
    assert_eq!(short, format!("the model's file has {} bytes, not {length}", length - 1));
    let long = opened(length - 1, &file).unwrap_err().to_string();
    assert_eq!(long, format!("the model's file has {length} bytes, not {}", length - 1));
    let head_only = opened(length, &file[..100]).unwrap_err().to_string();
    assert_eq!(head_only, format!("the model's file has 100 bytes, not {length}"));
    assert!(opened(100, &file[..100]).unwrap_err().to_string().contains("cut off"));
}
