//! Compute pipelines, compiled once when a backbone is loaded.

use std::collections::HashMap;
use std::sync::Arc;

use mome_backbone::TensorType;
use wgpu::{BindGroupLayout, ComputePipeline, Device};

use crate::EngineError;

/// How many rows of activations one invocation of the tiled matrix product takes: `TILE` in `matmul.wgsl`.
pub(super) const MATMUL_TILE: usize = 4;

/// How many weight rows one workgroup of the matrix product takes: 32 invocations, eight rows each.
pub(super) const MATMUL_GROUP_ROWS: usize = 32 * 8;

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
    fn new(device: &Device, label: &str, source: &str, constants: &[(&str, f64)]) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(label),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { constants, ..Default::default() },
            cache: None,
        });
        let layout = pipeline.get_bind_group_layout(0);
        Self { pipeline, layout }
    }
}

/// The kernels that read a weight matrix, for one type of weights.
pub(super) struct WeightKernels {
    pub embed: Kernel,
    /// Matrix product for one row of activations.
    pub matmul_one: Kernel,
    /// Matrix product for [`MATMUL_TILE`] rows of activations at a time.
    pub matmul_tile: Kernel,
}

impl WeightKernels {
    fn new(device: &Device, kind: TensorType) -> Result<Self, EngineError> {
        let weights = match kind {
            TensorType::F32 => shader!("weights_f32"),
            TensorType::F16 => shader!("weights_f16"),
            TensorType::Q8_0 => shader!("weights_q8_0"),
            TensorType::Q4_0 => shader!("weights_q4_0"),
            _ => return Err(EngineError::Gpu(format!("weights of type {} are not supported", kind.name()))),
        };
        let embed = [weights, shader!("embed")].concat();
        let matmul = [weights, shader!("matmul")].concat();
        let tile = |rows: usize| [("TILE", rows as f64)];
        Ok(Self {
            embed: Kernel::new(device, &format!("embed {kind:?}"), &embed, &[]),
            matmul_one: Kernel::new(device, &format!("matmul {kind:?}"), &matmul, &tile(1)),
            matmul_tile: Kernel::new(device, &format!("matmul tile {kind:?}"), &matmul, &tile(MATMUL_TILE)),
        })
    }
}

/// The kernels for weights of every type that a backbone uses.
#[derive(Default)]
pub(super) struct WeightKernelSet(HashMap<TensorType, Arc<WeightKernels>>);

impl WeightKernelSet {
    /// The kernels for weights of type `kind`, compiled when first asked for.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where there are none for this type.
    pub fn get(&mut self, device: &Device, kind: TensorType) -> Result<Arc<WeightKernels>, EngineError> {
        if let Some(kernels) = self.0.get(&kind) {
            return Ok(kernels.clone());
        }
        let kernels = Arc::new(WeightKernels::new(device, kind)?);
        self.0.insert(kind, kernels.clone());
        Ok(kernels)
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
        let kernel = |name, source| Kernel::new(device, name, source, &[]);
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
