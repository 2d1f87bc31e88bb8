//! An encoder's kernels that work on activations alone.

use wgpu::Device;

use crate::gpu::kernels::{Kernel, Lanes, NormKernel, Variant, attention_source, reductions, shader};

/// The kernels, compiled.
pub(in crate::gpu) struct EncoderKernels {
    pub lanes: Lanes,
    pub norm: Kernel,
    pub add_embeddings: Kernel,
    pub text_attention: Kernel,
    pub gelu_erf: Kernel,
    pub pool: Kernel,
    pub unit_length: Kernel,
}

impl EncoderKernels {
    pub fn new(device: &Device, variant: Variant) -> Self {
        let kernel = |name, source: &str| Kernel::new(device, name, source);
        let by_row = |name, source: &str| kernel(name, &[&*reductions(variant), source].concat());
        let attention = attention_source(variant.lanes, shader!("attention/texts"));
        Self {
            lanes: variant.lanes,
            norm: by_row("norm", shader!("norm")),
            add_embeddings: kernel("add_embeddings", shader!("encoder/add_embeddings")),
            text_attention: kernel("text_attention", &attention),
            gelu_erf: kernel("gelu_erf", shader!("encoder/gelu_erf")),
            pool: kernel("pool", shader!("encoder/pool")),
            unit_length: by_row("unit_length", shader!("encoder/unit_length")),
        }
    }
}

impl NormKernel for EncoderKernels {
    fn norm(&self) -> &Kernel {
        &self.norm
    }
}
