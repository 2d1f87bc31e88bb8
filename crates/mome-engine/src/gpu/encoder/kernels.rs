//! An encoder's kernels that work on activations alone.

use wgpu::Device;

use crate::gpu::kernels::{Kernel, Lanes, NormKernel, Variant, attention_source, reductions, shader};

/// The kernels; `K` is what compiling one gives.
pub(in crate::gpu) struct EncoderKernels<K = Kernel> {
    pub lanes: Lanes,
    pub norm: K,
    pub add_embeddings: K,
    pub text_attention: K,
    pub gelu_erf: K,
    pub pool: K,
    pub unit_length: K,
}

impl EncoderKernels {
    pub fn new(device: &Device, variant: Variant) -> Self {
        Self::assemble(variant, |label, source| Kernel::new(device, label, source))
    }
}

impl<K> EncoderKernels<K> {
    /// Puts the shaders together and has each compiled; `compile` gets a name and the source.
    pub fn assemble(variant: Variant, compile: impl Fn(&str, &str) -> K) -> Self {
        let by_row = |name, source: &str| compile(name, &[&*reductions(variant), source].concat());
        let attention = attention_source(variant.lanes, shader!("attention/texts"));
        Self {
            lanes: variant.lanes,
            norm: by_row("norm", shader!("norm")),
            add_embeddings: compile("add_embeddings", shader!("encoder/add_embeddings")),
            text_attention: compile("text_attention", &attention),
            gelu_erf: compile("gelu_erf", shader!("encoder/gelu_erf")),
            pool: compile("pool", shader!("encoder/pool")),
            unit_length: by_row("unit_length", shader!("encoder/unit_length")),
        }
    }
}

impl NormKernel for EncoderKernels {
    fn norm(&self) -> &Kernel {
        &self.norm
    }
}
