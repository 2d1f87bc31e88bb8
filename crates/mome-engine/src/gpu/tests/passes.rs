//! Whole passes with the kernels that the adapter at hand would not be given.

use std::sync::Arc;

use mome_backbone::Backbone;

use super::super::{GpuExecutor, Shared};
use crate::gpu::device::Gpu;
use crate::gpu::kernels::Kernels;
use crate::gpu::model::Model;
use crate::{CpuExecutor, Executor, Head, Pass};

/// An executor with the kernels for adapters that are emulated in software, or for those that are not.
fn executor(backbone: &Arc<Backbone>, software: bool) -> GpuExecutor {
    let mut gpu = pollster::block_on(Gpu::open(true)).unwrap();
    gpu.software = software;
    let kernels = Kernels::new(&gpu.device, gpu.lanes());
    let model = Model::upload(&gpu, backbone).unwrap();
    GpuExecutor(Arc::new(Shared { backbone: backbone.clone(), gpu, kernels, model }))
}

#[test]
fn kernels_for_every_adapter_give_what_the_cpu_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/llama-q8_0.gguf");
    let backbone = Arc::new(Backbone::from_bytes(std::fs::read(path).unwrap()).unwrap());
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
    let expected = logits(&CpuExecutor::new(backbone.clone()).unwrap());
    for software in [true, false] {
        let got = logits(&executor(&backbone, software));
        for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert!((got - expected).abs() <= 2e-3, "software {software}, {at}: {got} for {expected}");
        }
    }
}
