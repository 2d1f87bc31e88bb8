//! Compute pipelines, compiled once when a model is loaded.

mod weights;

use std::borrow::Cow;

use wgpu::{BindGroupLayout, ComputePipeline, Device};

pub(super) use weights::{MatmulKernel, Store, WeightKernelSet, WeightKernels};
#[cfg(test)]
pub(super) use weights::{MatmulKernels, embed_source};

macro_rules! shader {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shaders/", $name, ".wgsl"))
    };
}
pub(super) use shader;

/// What a shader with subgroups begins with: browsers want the directive, natively naga does not know it.
const ENABLE_SUBGROUPS: &str = if cfg!(target_arch = "wasm32") { "enable subgroups;\n" } else { "" };

/// One kernel, ready to be dispatched.
#[derive(Clone)]
pub(super) struct Kernel {
    pub pipeline: ComputePipeline,
    pub layout: BindGroupLayout,
}

impl Kernel {
    /// Compiles a shader.
    pub fn new(device: &Device, label: &str, source: &str) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(label),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let layout = pipeline.get_bind_group_layout(0);
        Self { pipeline, layout }
    }
}

/// How invocations share the work of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    /// Each for itself: for adapters where waiting for others is dear, those emulated in software.
    Alone,
    /// Together, for GPUs, which have more lanes than small matrices have rows.
    Together,
}

/// What of WebGPU's optional features the kernels use, where the adapter has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// 16-bit floats (`shader-f16`), to read weights and scales of that type.
    pub f16: bool,
    /// Subgroups, for reductions over lanes.
    pub subgroups: bool,
}

/// Which of the kernels are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub lanes: Lanes,
    pub features: Features,
}

impl From<Lanes> for Variant {
    fn from(lanes: Lanes) -> Self {
        Self { lanes, features: Features::default() }
    }
}

/// A backbone's kernels that work on activations alone; `K` is what compiling one gives.
pub(super) struct Kernels<K = Kernel> {
    pub lanes: Lanes,
    pub norm: K,
    pub head_norm_rope: K,
    pub attention: K,
    pub attention_merge: K,
    pub swiglu: K,
    pub geglu: K,
    pub gelu: K,
    pub add_positions: K,
    pub memory_attention: K,
    pub memory_add: K,
    pub predict: K,
    pub watch: K,
}

impl Kernels {
    pub fn new(device: &Device, variant: impl Into<Variant>) -> Self {
        Self::assemble(variant.into(), |label, source| Kernel::new(device, label, source))
    }
}

impl<K> Kernels<K> {
    /// Puts the shaders together and has each compiled; `compile` gets a name and the source.
    pub fn assemble(variant: Variant, compile: impl Fn(&str, &str) -> K) -> Self {
        let Variant { lanes, features } = variant;
        let after = |name, first: &str, source: &str| compile(name, &[first, source].concat());
        let together = &*lanes_together(features);
        let cheapest = &*reductions(variant);
        Self {
            lanes,
            norm: after("norm", cheapest, shader!("norm")),
            head_norm_rope: compile("head_norm_rope", shader!("head_norm_rope")),
            attention: compile("attention", &attention_source(lanes, shader!("attention/causal"))),
            attention_merge: compile("attention_merge", shader!("attention/merge")),
            swiglu: after("swiglu", shader!("activations/silu"), shader!("gated")),
            geglu: after("geglu", shader!("activations/gelu"), shader!("gated")),
            gelu: after("gelu", shader!("activations/gelu"), shader!("gelu")),
            add_positions: compile("add_positions", shader!("add_positions")),
            memory_attention: after("memory_attention", together, shader!("memory_attention")),
            memory_add: compile("memory_add", shader!("memory_add")),
            predict: after("predict", together, shader!("predict")),
            watch: compile("watch", shader!("watch")),
        }
    }
}

impl NormKernel for Kernels {
    fn norm(&self) -> &Kernel {
        &self.norm
    }
}

/// Kernels of which one computes norms: those of all models.
pub(super) trait NormKernel {
    /// `shaders/norm.wgsl`
    fn norm(&self) -> &Kernel;
}

/// Reductions over the lanes of a workgroup of 64.
fn lanes_together(features: Features) -> Cow<'static, str> {
    match features.subgroups {
        true => [ENABLE_SUBGROUPS, shader!("lanes/subgroups")].concat().into(),
        false => shader!("lanes/together").into(),
    }
}

/// Reductions over as many lanes as serve the adapter best: what a shader that has one row a workgroup begins with.
pub(super) fn reductions(Variant { lanes, features }: Variant) -> Cow<'static, str> {
    match lanes {
        Lanes::Alone => shader!("lanes/alone").into(),
        Lanes::Together => lanes_together(features),
    }
}

/// Attention to the keys that a part of the shader tells.
pub(super) fn attention_source(lanes: Lanes, visible_keys: &str) -> String {
    let attention = match lanes {
        Lanes::Alone => shader!("attention/alone"),
        Lanes::Together => shader!("attention/together"),
    };
    [shader!("attention/inputs"), visible_keys, attention].concat()
}
