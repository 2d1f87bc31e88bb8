//! A backbone's weights on the device.

use std::sync::{Arc, Mutex, PoisonError};

use mome_backbone::{Config, TensorType, Transformer};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{WeightKernelSet, WeightKernels};
use super::operations::Heads;
use super::recorder::Recorder;
use super::weights::Weights;
use crate::{EngineError, KEY_WIDTH, QueryProjection};

/// One transformer block.
pub(super) type Block = mome_backbone::Block<Weights, Buffer>;

/// Everything of a backbone that the GPU reads.
pub(super) struct Model {
    pub weights: Transformer<Weights, Buffer>,
    pub heads: Heads,
    /// `[rope width / 2]`: by how much each pair turns from one position to the next; empty without RoPE.
    pub frequencies: Vec<f64>,
    /// Reads W_query, which comes with each pass.
    query_kernels: Arc<WeightKernels>,
    /// The W_query that came last, on the device.
    query: Mutex<Option<(QueryProjection, Weights)>>,
}

impl Model {
    /// Makes a model of weights; vectors are yet to be uploaded.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where a vector is too large for a buffer.
    pub fn new(
        weights: &Transformer<Weights, Vec<f32>>,
        config: &Config,
        gpu: &Gpu,
        kernels: &mut WeightKernelSet,
    ) -> Result<Self, EngineError> {
        let factors = weights.rope_factors.as_deref();
        let frequencies = config.rope.map(|rope| {
            let pairs = rope.width / 2;
            let frequency = |pair: usize| f64::from(rope.base).powf(-(pair as f64) / pairs as f64);
            let factor = |pair: usize| factors.map_or(1.0, |factors| f64::from(factors[pair]));
            (0..pairs).map(|pair| frequency(pair) / factor(pair)).collect()
        });
        Ok(Self {
            weights: weights.try_map(|matrix| Ok(matrix.clone()), |vector| gpu.upload("vector", vector))?,
            heads: Heads { query_heads: config.heads, kv_heads: config.kv_heads, width: config.head_width },
            frequencies: frequencies.unwrap_or_default(),
            query_kernels: kernels.get(&gpu.device, TensorType::F32),
            query: Mutex::default(),
        })
    }

    /// The output projection, `[V, d]`.
    pub fn output(&self) -> &Weights {
        self.weights.output.as_ref().unwrap_or(&self.weights.embedding)
    }

    /// Records the last norm: from the residual stream after the last block to final hidden states, `[rows, d]` both.
    pub fn record_final_norm(
        &self,
        recorder: &mut Recorder<'_>,
        config: &Config,
        residual: &Buffer,
        hidden: &Buffer,
        rows: usize,
    ) {
        let norm = (&self.weights.output_norm.weight, config.hidden);
        recorder.rms_norm(norm, config.norm_epsilon, residual, hidden, rows);
    }

    /// W_query, `[KEY_WIDTH, d]`, on the device. It is uploaded where it is another than the last time.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where it is too large for a buffer.
    pub fn query(&self, gpu: &Gpu, query: &QueryProjection) -> Result<Weights, EngineError> {
        let mut last = self.query.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, weights)) = last.as_ref().filter(|(known, _)| Arc::ptr_eq(&known.0, &query.0)) {
            return Ok(weights.clone());
        }
        let shape = [KEY_WIDTH, self.output().columns];
        let (kernels, data) = (self.query_kernels.clone(), bytemuck::cast_slice(&query.0));
        let weights = Weights::upload(gpu, kernels, "W_query", TensorType::F32, shape, data)?;
        *last = Some((query.clone(), weights.clone()));
        Ok(weights)
    }
}
