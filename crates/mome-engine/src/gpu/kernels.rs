//! Compute pipelines, compiled once when a backbone is loaded.

use std::collections::HashMap;
use std::sync::Arc;

use mome_backbone::TensorType;
use wgpu::{BindGroupLayout, ComputePipeline, Device};

use super::weights::{ScaleLayout, scale_layout};

macro_rules! shader {
    ($name:literal) => {
        include_str!(concat!("../../../../shaders/", $name, ".wgsl"))
    };
}

/// One kernel, ready to be dispatched.
#[derive(Clone)]
pub(super) struct Kernel {
    pub pipeline: ComputePipeline,
    pub layout: BindGroupLayout,
}

impl Kernel {
    fn new(device: &Device, label: &str, source: &str) -> Self {
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

/// Tokens that a matrix product takes at a time where there are several: `TOKENS` in `matmul/tokens_4.wgsl`.
pub(super) const MATMUL_TOKENS: usize = 4;

/// Rows that a workgroup of the matrix product takes: eight for each of the invocations along the rows (`WIDTH` in
/// `matmul/lanes_*.wgsl`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    /// For adapters where waiting for other invocations is dear: those emulated in software.
    Alone,
    /// For GPUs, which have more lanes than small matrices have rows.
    Together,
}

impl Lanes {
    /// Rows of weights that a workgroup takes.
    pub fn rows(self) -> usize {
        match self {
            Self::Alone => 8 * 32,
            Self::Together => 8 * 16,
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Alone => shader!("matmul/lanes_alone"),
            Self::Together => shader!("matmul/lanes_together"),
        }
    }
}

/// The kernels that read a weight matrix, for one type of weights.
pub(super) struct WeightKernels {
    pub lanes: Lanes,
    pub embed: Kernel,
    /// Matrix product for one row of activations.
    pub matmul_one: Kernel,
    /// Matrix product for [`MATMUL_TOKENS`] rows of activations at a time.
    pub matmul_four: Kernel,
}

impl WeightKernels {
    fn new(device: &Device, lanes: Lanes, kind: TensorType) -> Self {
        let weights = weights_source(kind);
        let name = kind.name();
        let matmul = |label: &str, tokens: &str| {
            let parts = [&weights, tokens, lanes.source(), shader!("matmul/store_rows"), shader!("matmul")];
            Kernel::new(device, &format!("{label} {name}"), &parts.concat())
        };
        Self {
            lanes,
            embed: Kernel::new(device, &format!("embed {name}"), &[&weights, shader!("embed")].concat()),
            matmul_one: matmul("matmul", shader!("matmul/tokens_1")),
            matmul_four: matmul("matmul of four", shader!("matmul/tokens_4")),
        }
    }
}

/// The part of a shader that reads weights of a type.
fn weights_source(kind: TensorType) -> String {
    let quants = match kind {
        TensorType::F32 => return [shader!("weights/block"), shader!("weights/f32")].concat(),
        TensorType::F16 => return [shader!("weights/block"), shader!("weights/f16")].concat(),
        TensorType::BF16 => return [shader!("weights/block"), shader!("weights/bf16")].concat(),
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
    let parts = [shader!("weights/block"), shader!("weights/bytes"), shader!("weights/halves")];
    [&parts.concat(), zero.as_str(), scales, quants].concat()
}

/// The kernels for weights of every type that a backbone uses.
pub(super) struct WeightKernelSet {
    lanes: Lanes,
    kernels: HashMap<TensorType, Arc<WeightKernels>>,
}

impl WeightKernelSet {
    pub fn new(lanes: Lanes) -> Self {
        Self { lanes, kernels: HashMap::new() }
    }

    /// The kernels for weights of type `kind`, compiled when first asked for.
    pub fn get(&mut self, device: &Device, kind: TensorType) -> Arc<WeightKernels> {
        let new = || Arc::new(WeightKernels::new(device, self.lanes, kind));
        self.kernels.entry(kind).or_insert_with(new).clone()
    }
}

/// The kernels that work on activations alone.
pub(super) struct Kernels {
    pub rms_norm: Kernel,
    pub rope: Kernel,
    pub attention: Kernel,
    pub swiglu: Kernel,
    pub memory_attention: Kernel,
    pub memory_add: Kernel,
    pub predict: Kernel,
    pub watch: Kernel,
}

impl Kernels {
    pub fn new(device: &Device) -> Self {
        let kernel = |name, source| Kernel::new(device, name, source);
        Self {
            rms_norm: kernel("rms_norm", shader!("rms_norm")),
            rope: kernel("rope", shader!("rope")),
            attention: kernel("attention", shader!("attention")),
            swiglu: kernel("swiglu", shader!("swiglu")),
            memory_attention: kernel("memory_attention", shader!("memory_attention")),
            memory_add: kernel("memory_add", shader!("memory_add")),
            predict: kernel("predict", shader!("predict")),
            watch: kernel("watch", shader!("watch")),
        }
    }
}
