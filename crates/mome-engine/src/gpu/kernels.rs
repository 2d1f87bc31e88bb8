//! Compute pipelines, compiled once when a model is loaded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mome_backbone::TensorType;
use wgpu::{BindGroupLayout, ComputePipeline, Device};

use super::weights::{ScaleLayout, scale_layout};

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

/// What becomes of the sums of a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Store {
    /// They are written, or added to what is there.
    Rows,
    /// SwiGLU, of a pair of matrices.
    Swiglu,
    /// They are queries, keys and values, which go apart; rotary position embedding on the way.
    Qkv,
}

impl Store {
    const ALL: [Self; 3] = [Self::Rows, Self::Swiglu, Self::Qkv];

    fn source(self) -> &'static str {
        match self {
            Self::Rows => shader!("matmul/store_rows"),
            Self::Swiglu => shader!("matmul/store_swiglu"),
            Self::Qkv => shader!("matmul/store_qkv"),
        }
    }
}

/// A kernel for matrix products, and how much a workgroup of it does.
pub(super) struct MatmulKernel {
    pub kernel: Kernel,
    /// Rows of weights.
    pub rows: usize,
    /// Rows of activations.
    pub tokens: usize,
}

/// Matrix products with one type of weights and one way to store.
pub(super) struct MatmulKernels {
    one: MatmulKernel,
    few: MatmulKernel,
    /// Where workgroups share what they read.
    many: Option<MatmulKernel>,
}

impl MatmulKernels {
    /// The most tokens for which rows of weights are better read again than kept in workgroup memory.
    const FEW: usize = 8;

    /// The best kernel for `tokens` rows of activations.
    pub fn choose(&self, tokens: usize) -> &MatmulKernel {
        match (&self.many, tokens) {
            (_, 1) => &self.one,
            (Some(many), tokens) if tokens > Self::FEW => many,
            _ => &self.few,
        }
    }
}

/// The kernels that read a weight matrix, for one type of weights, each compiled when first asked for.
pub(super) struct WeightKernels {
    variant: Variant,
    device: Device,
    kind: TensorType,
    embed: OnceLock<Kernel>,
    matmul: [OnceLock<MatmulKernels>; Store::ALL.len()],
}

impl WeightKernels {
    fn new(device: &Device, variant: Variant, kind: TensorType) -> Self {
        let (embed, matmul) = (OnceLock::new(), Default::default());
        Self { variant, device: device.clone(), kind, embed, matmul }
    }

    /// The lookup of embeddings.
    pub fn embed(&self) -> &Kernel {
        let source = || [&weights_source(self.kind, self.variant.features), shader!("embed")].concat();
        self.embed
            .get_or_init(|| Kernel::new(&self.device, &format!("embed {}", self.kind.name()), &source()))
    }

    /// Matrix products whose sums are stored as `store` says.
    pub fn matmul(&self, store: Store) -> &MatmulKernels {
        self.matmul[store as usize].get_or_init(|| self.compile_matmul(store))
    }

    fn compile_matmul(&self, store: Store) -> MatmulKernels {
        let weights = weights_source(self.kind, self.variant.features);
        // Each invocation has eight rows: as many invocations a workgroup as `WIDTH` in the file says.
        let (lanes, rows) = match self.variant.lanes {
            Lanes::Alone => (shader!("matmul/lanes_alone"), 8 * 8),
            Lanes::Together => (shader!("matmul/lanes_together"), 8 * 16),
        };
        let compile = |parts: &[&str], rows, tokens| {
            let label = format!("matmul {} {store:?} {tokens}", self.kind.name());
            let source =
                [&[weights.as_str(), store.source(), shader!("matmul/params")], parts].concat().concat();
            MatmulKernel { kernel: Kernel::new(&self.device, &label, &source), rows, tokens }
        };
        let matmul = shader!("matmul");
        MatmulKernels {
            one: compile(&[shader!("matmul/tokens_1"), lanes, matmul], rows, 1),
            few: compile(&[shader!("matmul/tokens_4"), lanes, matmul], rows, 4),
            many: match self.variant.lanes {
                Lanes::Alone => None,
                Lanes::Together => Some(compile(&[shader!("matmul_tiled")], 64, 32)),
            },
        }
    }
}

/// The part of a shader that reads weights of a type.
fn weights_source(kind: TensorType, features: Features) -> String {
    let native_halves = match kind {
        TensorType::F16 => features.f16,
        TensorType::F32 | TensorType::BF16 => false,
        // The other layouts have bytes next to their 16-bit floats.
        _ => features.f16 && matches!(scale_layout(kind), ScaleLayout::One | ScaleLayout::OneMin),
    };
    let halves = if native_halves { shader!("weights/halves_f16") } else { shader!("weights/halves") };
    let quants = match kind {
        TensorType::F32 => {
            return [shader!("weights/block"), shader!("weights/floats"), shader!("weights/f32")].concat();
        }
        TensorType::F16 => {
            return [halves, shader!("weights/block"), shader!("weights/floats"), shader!("weights/f16")]
                .concat();
        }
        TensorType::BF16 => {
            return [shader!("weights/block"), shader!("weights/floats"), shader!("weights/bf16")].concat();
        }
        TensorType::Q2_K => shader!("weights/quants_2"),
        TensorType::Q3_K => shader!("weights/quants_3"),
        TensorType::Q4_0 | TensorType::Q4_1 | TensorType::Q4_K => shader!("weights/quants_4"),
        TensorType::Q5_0 | TensorType::Q5_1 | TensorType::Q5_K => shader!("weights/quants_5"),
        TensorType::Q6_K => shader!("weights/quants_6"),
        TensorType::Q8_0 => shader!("weights/quants_8"),
        TensorType::IQ4_NL => shader!("weights/quants_iq4_nl"),
    };
    let scales = match scale_layout(kind) {
        ScaleLayout::One => shader!("weights/scales_1"),
        ScaleLayout::OneMin => shader!("weights/scales_1_min"),
        ScaleLayout::TwoK => shader!("weights/scales_2k"),
        ScaleLayout::KMin => shader!("weights/scales_k_min"),
        ScaleLayout::TwoKMin => shader!("weights/scales_2k_min"),
    };
    let zero = match kind {
        TensorType::Q3_K => 4,
        TensorType::Q4_0 => 8,
        TensorType::Q5_0 => 16,
        TensorType::Q6_K => 32,
        TensorType::Q8_0 | TensorType::IQ4_NL => 128,
        // The others have minimums.
        _ => 0,
    };
    let zero = format!("// The quant that stands for 0.\nconst ZERO: f32 = {zero}.0;\n");
    // Directives such as `enable f16` come before all else.
    let parts = [halves, shader!("weights/block"), shader!("weights/bytes")];
    [&parts.concat(), zero.as_str(), scales, quants].concat()
}

/// The kernels for weights of every type that a model uses.
pub(super) struct WeightKernelSet {
    device: Device,
    variant: Variant,
    kernels: Mutex<HashMap<TensorType, Arc<WeightKernels>>>,
}

impl WeightKernelSet {
    pub fn new(device: &Device, variant: impl Into<Variant>) -> Self {
        Self { device: device.clone(), variant: variant.into(), kernels: Mutex::default() }
    }

    /// The kernels for weights of type `kind`.
    pub fn get(&self, kind: TensorType) -> Arc<WeightKernels> {
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(WeightKernels::new(&self.device, self.variant, kind));
        kernels.entry(kind).or_insert_with(new).clone()
    }

    /// Reads weights of one type as if they were of another, for tests that want it wrong.
    #[cfg(test)]
    pub fn confuse(&self, kind: TensorType, with: TensorType) {
        let wrong = self.get(with);
        self.kernels.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, wrong);
    }
}

/// A backbone's kernels that work on activations alone.
pub(super) struct Kernels {
    pub lanes: Lanes,
    pub norm: Kernel,
    pub head_norm_rope: Kernel,
    pub attention: Kernel,
    pub attention_merge: Kernel,
    pub swiglu: Kernel,
    pub gelu: Kernel,
    pub add_positions: Kernel,
    pub memory_attention: Kernel,
    pub memory_add: Kernel,
    pub predict: Kernel,
    pub watch: Kernel,
}

impl Kernels {
    pub fn new(device: &Device, variant: impl Into<Variant>) -> Self {
        let variant = variant.into();
        let Variant { lanes, features } = variant;
        let kernel = |name, source| Kernel::new(device, name, source);
        let after = |name, first: &str, source: &str| Kernel::new(device, name, &[first, source].concat());
        let together = &*lanes_together(features);
        let cheapest = &*reductions(variant);
        Self {
            lanes,
            norm: after("norm", cheapest, shader!("norm")),
            head_norm_rope: kernel("head_norm_rope", shader!("head_norm_rope")),
            attention: kernel("attention", &attention_source(lanes, shader!("attention/causal"))),
            attention_merge: kernel("attention_merge", shader!("attention/merge")),
            swiglu: kernel("swiglu", shader!("swiglu")),
            gelu: kernel("gelu", shader!("gelu")),
            add_positions: kernel("add_positions", shader!("add_positions")),
            memory_attention: after("memory_attention", together, shader!("memory_attention")),
            memory_add: kernel("memory_add", shader!("memory_add")),
            predict: after("predict", together, shader!("predict")),
            watch: kernel("watch", shader!("watch")),
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
