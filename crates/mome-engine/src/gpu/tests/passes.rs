//! Whole passes with the kernels that the adapter at hand would not be given.

use std::sync::Arc;

use mome_backbone::Backbone;

use crate::gpu::device::Gpu;
use crate::gpu::{GpuExecutor, GpuLoader};
use crate::{DeviceChoice, Executor, Head, OpenOptions, Pass, open};

/// An executor with the kernels for adapters that are emulated in software, or for those that are not.
fn executor(file: &[u8], software: bool) -> GpuExecutor {
    let backbone = Arc::new(Backbone::from_bytes(file).unwrap());
    let mut gpu = pollster::block_on(Gpu::open(true)).unwrap();
    gpu.software = software;
    let loader = GpuLoader::on(gpu, backbone.clone(), OpenOptions::default());
    let mut loader = pollster::block_on(loader).unwrap();
    backbone.pieces(0, file).try_for_each(|piece| loader.take(piece)).unwrap();
    pollster::block_on(loader.finish()).unwrap()
}

#[test]
fn kernels_for_every_adapter_give_what_the_cpu_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/llama-q8_0.gguf");
    let file = std::fs::read(path).unwrap();
    let logits = |executor: &dyn Executor| {
        let mut sequence = executor.begin(200).unwrap();
        let mut logits = Vec::new();
        // A long pass, one of several tokens, and single ones, the last over a cache that is split.
        for count in [30, 5, 1, 120, 1] {
            let tokens: Vec<u32> = (0..count).map(|at| (at * 37 + count) % 512).collect();
            let head = Head { rows: 1, logits: true, ..Head::default() };
            let pass = Pass { tokens: &tokens, states: &[], head: Some(head) };
            logits.extend(pollster::block_on(sequence.run(pass)).unwrap().logits);
        }
        logits
    };
    let expected = logits(&*pollster::block_on(open(&file, DeviceChoice::Cpu)).unwrap().executor);
    for software in [true, false] {
        let got = logits(&executor(&file, software));
        for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert!((got - expected).abs() <= 2e-3, "software {software}, {at}: {got} for {expected}");
        }
    }
}
