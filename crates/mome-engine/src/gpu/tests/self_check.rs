//! The self-check lets right kernels pass and finds wrong ones.

use std::sync::Arc;

use mome_backbone::{Backbone, TensorType};

use crate::EngineError;
use crate::gpu::device::Gpu;
use crate::gpu::kernels::{Kernel, Kernels, Lanes, WeightKernelSet};
use crate::gpu::loader::check;

/// A golden model.
fn backbone(name: &str) -> Backbone {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
    Backbone::from_bytes(&std::fs::read(format!("{path}{name}.gguf")).unwrap()).unwrap()
}

/// Shaders one after the other, with one change.
pub(super) fn changed(gpu: &Gpu, names: &[&str], from: &str, to: &str) -> Kernel {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shaders/");
    let read = |name: &&str| std::fs::read_to_string(format!("{path}{name}.wgsl")).unwrap();
    let source = names.iter().map(read).collect::<String>();
    assert!(source.contains(from), "{names:?} has no {from}");
    Kernel::new(&gpu.device, "changed", &source.replace(from, to))
}

/// What the check says of kernels that were tampered with.
fn checked(name: &str, tamper: impl Fn(&Gpu, &mut Kernels, &WeightKernelSet)) -> Result<(), EngineError> {
    let gpu = pollster::block_on(Gpu::open(true)).unwrap();
    let mut kernels = Kernels::new(&gpu.device, Lanes::Alone);
    let weight_kernels = WeightKernelSet::new(&gpu.device, Lanes::Alone);
    tamper(&gpu, &mut kernels, &weight_kernels);
    pollster::block_on(check(&gpu, &Arc::new(kernels), &Arc::new(weight_kernels), &backbone(name)))
}

#[test]
fn right_kernels_pass() {
    for name in ["llama-f16", "llama-q4_1", "llama3-rope-q4_0", "qwen2-q8_0", "qwen3-f32", "gpt2-q4_0"] {
        checked(name, |_, _, _| {}).unwrap();
    }
}

#[test]
fn wrong_kernels_are_refused() {
    type Change = (&'static str, fn(&mut Kernels) -> &mut Kernel, &'static [&'static str], [&'static str; 2]);
    let changes: [Change; 7] = [
        ("llama-q4_0", |k| &mut k.norm, &["lanes/alone", "norm"], ["inverseSqrt(", "sqrt("]),
        (
            "llama-q4_0",
            |k| &mut k.attention,
            &["attention/inputs", "attention/causal", "attention/alone"],
            ["= exp(", "= exp2("],
        ),
        (
            "qwen3-q8_0",
            |k| &mut k.head_norm_rope,
            &["head_norm_rope"],
            ["scale * weight[i]", "scale * (weight[i] + 0.1)"],
        ),
        ("gpt2-q8_0", |k| &mut k.gelu, &["gelu"], ["0.044715", "0.44715"]),
        (
            "gpt2-q8_0",
            |k| &mut k.add_positions,
            &["add_positions"],
            ["params.first_position +", "0u * params.first_position +"],
        ),
        ("llama-q8_0", |k| &mut k.memory_add, &["memory_add"], ["logit +=", "logit -="]),
        ("llama-q8_0", |k| &mut k.predict, &["lanes/together", "predict"], ["sum += exp(", "sum += exp2("]),
    ];
    for (name, kernel, shaders, [from, to]) in changes {
        let refused = checked(name, |gpu, kernels, _| *kernel(kernels) = changed(gpu, shaders, from, to));
        let message = refused.expect_err(&format!("{shaders:?} is wrong")).to_string();
        assert!(message.contains("computes wrongly"), "{shaders:?}: {message}");
    }
}

#[test]
fn weights_that_are_read_wrongly_are_refused() {
    let refused = checked("llama-q4_1", |_, _, weights| weights.confuse(TensorType::Q4_1, TensorType::Q5_1));
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("computes wrongly"), "{message}");
}
