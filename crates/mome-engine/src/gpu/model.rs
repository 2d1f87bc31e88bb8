//! A backbone's weights on the device.

use std::sync::{Arc, Mutex, PoisonError};

use mome_backbone::{Config, Rope, TensorType, Transformer};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::WeightKernelSet;
use super::matrices::{BlockMatrices, Matrices};
use super::operations::{Heads, Norm};
use super::weights::{FileMatrix, Weights};
use mome_pack::KEY_WIDTH;

use crate::{EngineError, QueryProjection};

/// Everything of a backbone that the GPU reads.
pub(super) struct Model {
    pub embedding: Weights,
    /// Learned position embeddings, `[context, d]`.
    pub positions: Option<Buffer>,
    pub blocks: Vec<Block>,
    /// `[V, d]`; `None` where the token embeddings serve.
    output: Option<Weights>,
    output_norm: mome_backbone::Norm<Buffer>,
    pub heads: Heads,
    /// `[rope width / 2]`: by how much each pair turns from one position to the next; empty without RoPE.
    pub frequencies: Vec<f64>,
    /// The same for blocks that see the nearest tokens only, where there are any.
    pub local_frequencies: Option<Vec<f64>>,
    norm_epsilon: f32,
    /// Compiles what reads W_query, which comes with each pass.
    kernels: Arc<WeightKernelSet>,
    /// The W_query that came last, on the device.
    query: Mutex<Option<(QueryProjection, Weights)>>,
}

/// One transformer block.
pub(super) struct Block {
    pub matrices: BlockMatrices,
    /// Norms, and biases of single matrices.
    pub vectors: mome_backbone::Block<(), Buffer>,
    /// The biases of queries, keys and values, in this order.
    pub qkv_bias: Option<Buffer>,
}

impl Model {
    /// Makes a model of matrices that are on the device, and vectors that are yet to go there. `positions` are learned
    /// position embeddings, `[context, d]`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where a vector is too large for a buffer.
    pub fn new(
        gpu: &Gpu,
        kernels: Arc<WeightKernelSet>,
        config: &Config,
        matrices: Matrices,
        vectors: &Transformer<(), Vec<f32>>,
        positions: Option<&[f32]>,
    ) -> Result<Self, EngineError> {
        let qkv_bias = |block: &mome_backbone::Block<(), Vec<f32>>| {
            let parts = [&block.query.bias, &block.key.bias, &block.value.bias];
            let bias: Option<Vec<&[f32]>> = parts.into_iter().map(Option::as_deref).collect();
            bias.map(|bias| gpu.upload("biases of queries, keys and values", &bias.concat())).transpose()
        };
        let biases = vectors.blocks.iter().map(qkv_bias).collect::<Result<Vec<_>, _>>()?;
        let uploaded = vectors.try_map(|()| Ok(()), |vector| gpu.upload("vector", vector))?;
        let blocks = matrices.blocks.into_iter().zip(uploaded.blocks).zip(biases);
        let factors = vectors.rope_factors.as_deref();
        let block = |((matrices, vectors), qkv_bias)| Block { matrices, vectors, qkv_bias };
        Ok(Self {
            embedding: matrices.embedding,
            positions: positions.map(|positions| gpu.upload("position embeddings", positions)).transpose()?,
            blocks: blocks.map(block).collect(),
            output: matrices.output,
            output_norm: uploaded.output_norm,
            heads: Heads::of(config),
            frequencies: config.rope.map(|rope| frequencies(rope, factors)).unwrap_or_default(),
            local_frequencies: config
                .rope
                .zip(config.local)
                .map(|(rope, local)| frequencies(Rope { base: local.rope_base, ..rope }, factors)),
            norm_epsilon: config.norm_epsilon,
            kernels,
            query: Mutex::default(),
        })
    }

    /// The output projection, `[V, d]`.
    pub fn output(&self) -> &Weights {
        self.output.as_ref().unwrap_or(&self.embedding)
    }

    /// The norm before the output projection.
    pub fn output_norm(&self) -> Norm<'_> {
        self.norm(&self.output_norm)
    }

    /// A norm of this model.
    pub fn norm<'a>(&self, norm: &'a mome_backbone::Norm<Buffer>) -> Norm<'a> {
        Norm { weight: &norm.weight, bias: norm.bias.as_ref(), epsilon: self.norm_epsilon }
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
        let columns = self.embedding.columns;
        let matrix = FileMatrix { name: "W_query", kind: TensorType::F32, rows: KEY_WIDTH, columns };
        let weights = Weights::upload(gpu, &self.kernels, matrix, bytemuck::cast_slice(&query.0))?;
        *last = Some((query.clone(), weights.clone()));
        Ok(weights)
    }
}

/// By how much each pair that RoPE rotates turns from one position to the next.
fn frequencies(rope: Rope, factors: Option<&[f32]>) -> Vec<f64> {
    let pairs = rope.width / 2;
    let frequency = |pair: usize| f64::from(rope.base).powf(-(pair as f64) / pairs as f64);
    let factor = |pair: usize| factors.map_or(1.0, |factors| f64::from(factors[pair]));
    (0..pairs).map(|pair| frequency(pair) / factor(pair)).collect()
}
