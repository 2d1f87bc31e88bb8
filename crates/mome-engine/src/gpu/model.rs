//! A backbone's weights on the device.

use std::sync::Arc;

use mome_backbone::{Config, TensorType, Transformer};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{WeightKernelSet, WeightKernels};
use super::operations::Heads;
use super::weights::Weights;
use crate::{EngineError, KEY_WIDTH, QueryProjection};

/// One transformer block.
pub(super) type Block = mome_backbone::Block<Weights, Buffer>;

/// Everything of a backbone that the GPU reads.
pub(super) struct Model {
    pub weights: Transformer<Weights, Buffer>,
    pub heads: Heads,
    /// Reads W_query, which comes with each pass.
    query_kernels: Arc<WeightKernels>,
}

impl Model {
    /// Makes a model of weights.
    ///
    /// # Errors
    /// None: there are kernels for W_query.
    pub fn new(
        weights: Transformer<Weights, Buffer>,
        config: &Config,
        gpu: &Gpu,
        kernels: &mut WeightKernelSet,
    ) -> Result<Self, EngineError> {
        let heads = Heads { query_heads: config.heads, kv_heads: config.kv_heads, width: config.head_width };
        let query_kernels = kernels.get(&gpu.device, TensorType::F32)?;
        Ok(Self { weights, heads, query_kernels })
    }

    /// The output projection, `[V, d]`.
    pub fn output(&self) -> &Weights {
        self.weights.output.as_ref().unwrap_or(&self.weights.embedding)
    }

    /// Uploads W_query, `[KEY_WIDTH, d]`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where it is too large for a buffer.
    pub fn upload_query(&self, gpu: &Gpu, query: &QueryProjection) -> Result<Weights, EngineError> {
        Ok(Weights {
            rows: KEY_WIDTH,
            columns: self.output().columns,
            buffers: vec![gpu.upload("W_query", &query.0)?],
            kernels: self.query_kernels.clone(),
        })
    }
}
