//! The kernels that read weight matrices, each put together of how a type is read, how invocations share the work,
//! how many tokens are taken at a time, and what becomes of the sums.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mome_backbone::{Activation, TensorType};
use wgpu::Device;

use super::{Features, Kernel, Lanes, Variant, shader};
use crate::gpu::weights::{ScaleLayout, scale_layout};

/// What becomes of the sums of a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::gpu) enum Store {
    /// They are written, or added to what is there.
    Rows,
    /// SwiGLU, of a pair of matrices.
    Swiglu,
    /// GeGLU, of a pair of matrices.
    Geglu,
    /// They are queries, keys and values, which go apart; rotary position embedding on the way.
    Qkv,
}

impl Store {
    pub const ALL: [Self; 4] = [Self::Rows, Self::Swiglu, Self::Geglu, Self::Qkv];

    /// What a pair of matrices makes of that activation.
    pub fn gated(activation: Activation) -> Self {
        match activation {
            Activation::GatedGelu => Self::Geglu,
            Activation::GatedSilu | Activation::Gelu => Self::Swiglu,
        }
    }

    /// Whether they are those of a pair of matrices.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::Swiglu | Self::Geglu)
    }

    fn source(self) -> &'static str {
        match self {
            Self::Rows => shader!("matmul/store_rows"),
            Self::Swiglu => concat!(shader!("activations/silu"), shader!("matmul/store_gated")),
            Self::Geglu => concat!(shader!("activations/gelu"), shader!("matmul/store_gated")),
            Self::Qkv => shader!("matmul/store_qkv"),
        }
    }
}

/// A kernel for matrix products, and how much a workgroup of it does.
pub(in crate::gpu) struct MatmulKernel<K = Kernel> {
    pub kernel: K,
    /// Rows of weights.
    pub rows: usize,
    /// Rows of activations.
    pub tokens: usize,
}

/// Matrix products with one type of weights and one way to store.
pub(in crate::gpu) struct MatmulKernels<K = Kernel> {
    one: MatmulKernel<K>,
    few: MatmulKernel<K>,
    /// Where workgroups share what they read.
    many: Option<MatmulKernel<K>>,
}

impl<K> MatmulKernels<K> {
    /// Puts the shaders together and has each compiled; `compile` gets a name and the source.
    pub fn assemble(
        kind: TensorType,
        variant: Variant,
        store: Store,
        compile: impl Fn(&str, &str) -> K,
    ) -> Self {
        let weights = weights_source(kind, variant.features);
        // Each invocation has eight rows: as many invocations a workgroup as `WIDTH` in the file says.
        let (lanes, rows) = match variant.lanes {
            Lanes::Alone => (shader!("matmul/lanes_alone"), 8 * 8),
            Lanes::Together => (shader!("matmul/lanes_together"), 8 * 16),
        };
        let kernel = |parts: &[&str], rows, tokens| {
            let label = format!("matmul {} {store:?} {tokens}", kind.name());
            let source =
                [&[weights.as_str(), store.source(), shader!("matmul/params")], parts].concat().concat();
            MatmulKernel { kernel: compile(&label, &source), rows, tokens }
        };
        let matmul = shader!("matmul");
        Self {
            one: kernel(&[shader!("matmul/tokens_1"), lanes, matmul], rows, 1),
            few: kernel(&[shader!("matmul/tokens_4"), lanes, matmul], rows, 4),
            many: match variant.lanes {
                Lanes::Alone => None,
                Lanes::Together => Some(kernel(&[shader!("matmul_tiled")], 64, 32)),
            },
        }
    }

    /// The most tokens for which rows of weights are better read again than kept in workgroup memory.
    const FEW: usize = 8;

    /// The best kernel for `tokens` rows of activations.
    pub fn choose(&self, tokens: usize) -> &MatmulKernel<K> {
        match (&self.many, tokens) {
            (_, 1) => &self.one,
            (Some(many), tokens) if tokens > Self::FEW => many,
            _ => &self.few,
        }
    }
}

/// The kernels that read a weight matrix, for one type of weights, each compiled when first asked for.
pub(in crate::gpu) struct WeightKernels {
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
        self.embed.get_or_init(|| {
            let label = format!("embed {}", self.kind.name());
            Kernel::new(&self.device, &label, &embed_source(self.kind, self.variant.features))
        })
    }

    /// Matrix products whose sums are stored as `store` says.
    pub fn matmul(&self, store: Store) -> &MatmulKernels {
        self.matmul[store as usize].get_or_init(|| {
            let compile = |label: &str, source: &str| Kernel::new(&self.device, label, source);
            MatmulKernels::assemble(self.kind, self.variant, store, compile)
        })
    }
}

/// The lookup of embeddings of a type.
pub(in crate::gpu) fn embed_source(kind: TensorType, features: Features) -> String {
    [&weights_source(kind, features), shader!("embed")].concat()
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
pub(in crate::gpu) struct WeightKernelSet {
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
