//! The products of all weights by themselves: they run, where the device takes submissions, and leave no trace.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Golden, cpu, gpu, run_once};
use mome_engine::Head;

#[test]
fn products_run_on_the_gpu_and_change_nothing() {
    for name in ["llama-q8_0", "llama-tied-q4_0", "llama-f32"] {
        let golden = Golden::load(name);
        let executor = gpu(&golden.file);
        let head = Head { rows: 1, logits: true, ..Head::default() };
        let before = run_once(&*executor, &golden.ids, head).logits;
        for rounds in 0..3 {
            assert!(pollster::block_on(executor.multiply_weights(rounds)).unwrap(), "{name}");
        }
        assert_eq!(run_once(&*executor, &golden.ids, head).logits, before, "{name}");
    }
}

#[test]
fn the_cpu_takes_no_submissions() {
    let executor = cpu(&Golden::load("llama-q8_0").file);
    assert!(!pollster::block_on(executor.multiply_weights(1)).unwrap());
}
