//! A backbone's tensors on the device.

use std::sync::Arc;

use mome_backbone::{Backbone, Tensor, TensorType};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{WeightKernelSet, WeightKernels};
use super::operations::Heads;
use super::weights::Weights;
use crate::{EngineError, KEY_WIDTH, QueryProjection};

/// The widest head that `attention.wgsl` can sum, four columns a lane.
const MAX_HEAD_WIDTH: usize = 256;

/// Everything of a llama backbone that the GPU reads.
pub(super) struct Model {
    pub embedding: Weights,
    pub blocks: Vec<Block>,
    pub output_norm: Buffer,
    /// The embedding again where they are tied.
    pub output: Weights,
    pub heads: Heads,
    /// Reads W_query, which comes with each pass.
    query_kernels: Arc<WeightKernels>,
}

/// One transformer block.
pub(super) struct Block {
    pub attention_norm: Buffer,
    pub query: Weights,
    pub key: Weights,
    pub value: Weights,
    pub attention_output: Weights,
    pub feed_forward_norm: Buffer,
    pub gate: Weights,
    pub up: Weights,
    pub down: Weights,
}

impl Model {
    /// Uploads all tensors and compiles the kernels that read them.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where one is missing, has another shape than the architecture says, or does not
    /// fit the kernels.
    pub fn upload(gpu: &Gpu, backbone: &Backbone) -> Result<Self, EngineError> {
        let config = backbone.config();
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        let heads = Heads { query_heads: config.heads, kv_heads: config.kv_heads, width: config.head_width };
        let mut loader = Loader { gpu, backbone, kernels: WeightKernelSet::new(gpu.lanes()) };
        let blocks =
            (0..config.layers).map(|index| loader.block(index, heads)).collect::<Result<Vec<_>, _>>()?;
        let embedding = loader.matrix("token_embd.weight", hidden, vocabulary)?;
        let output = if config.tied {
            embedding.clone()
        } else {
            loader.matrix("output.weight", hidden, vocabulary)?
        };
        let output_norm = loader.norm("output_norm.weight")?;
        let query_kernels = loader.kernels.get(&gpu.device, TensorType::F32);
        Ok(Self { embedding, blocks, output_norm, output, heads, query_kernels })
    }

    /// Uploads W_query, `[KEY_WIDTH, d]`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where it is too large for a buffer.
    pub fn upload_query(&self, gpu: &Gpu, query: &QueryProjection) -> Result<Weights, EngineError> {
        let shape = [self.output.columns as u64, KEY_WIDTH as u64];
        let data: Vec<u8> = query.0.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        let tensor = Tensor { name: "W_query", kind: TensorType::F32, shape: &shape, offset: 0, data: &data };
        Weights::upload(gpu, self.query_kernels.clone(), &tensor)
    }
}

/// Finds tensors by name, checks their shapes, and puts them on the device.
struct Loader<'a> {
    gpu: &'a Gpu,
    backbone: &'a Backbone,
    kernels: WeightKernelSet,
}

impl<'a> Loader<'a> {
    fn block(&mut self, index: usize, heads: Heads) -> Result<Block, EngineError> {
        let config = self.backbone.config();
        let (hidden, feed_forward) = (config.hidden, config.feed_forward);
        let (query, key) = (heads.query_heads * heads.width, heads.kv_heads * heads.width);
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        if !heads.width.is_multiple_of(4) || heads.width > MAX_HEAD_WIDTH {
            let problem =
                format!("heads are {} wide, not a multiple of 4 up to {MAX_HEAD_WIDTH}", heads.width);
            return Err(EngineError::Tensor { name: name("attn_q"), problem });
        }
        Ok(Block {
            attention_norm: self.norm(&name("attn_norm"))?,
            query: self.matrix(&name("attn_q"), hidden, query)?,
            key: self.matrix(&name("attn_k"), hidden, key)?,
            value: self.matrix(&name("attn_v"), hidden, key)?,
            attention_output: self.matrix(&name("attn_output"), query, hidden)?,
            feed_forward_norm: self.norm(&name("ffn_norm"))?,
            gate: self.matrix(&name("ffn_gate"), hidden, feed_forward)?,
            up: self.matrix(&name("ffn_up"), hidden, feed_forward)?,
            down: self.matrix(&name("ffn_down"), feed_forward, hidden)?,
        })
    }

    /// The weights of a norm, `[d]`, as floats whatever their type.
    fn norm(&self, name: &str) -> Result<Buffer, EngineError> {
        let hidden = self.backbone.config().hidden;
        let tensor = self.tensor(name, &[hidden as u64])?;
        let mut weights = vec![0.0; hidden];
        tensor.kind.dequantize(tensor.data, &mut weights);
        self.gpu.upload(name, &weights)
    }

    fn matrix(&mut self, name: &str, columns: usize, rows: usize) -> Result<Weights, EngineError> {
        let tensor = self.tensor(name, &[columns as u64, rows as u64])?;
        let kernels = self.kernels.get(&self.gpu.device, tensor.kind);
        Weights::upload(self.gpu, kernels, &tensor)
    }

    fn tensor(&self, name: &str, shape: &[u64]) -> Result<Tensor<'a>, EngineError> {
        let wrong = |problem| EngineError::Tensor { name: name.to_owned(), problem };
        let tensor = self.backbone.tensor(name).ok_or_else(|| wrong("it is missing".to_owned()))?;
        if tensor.shape != shape {
            return Err(wrong(format!("its shape is {:?}, not {shape:?}", tensor.shape)));
        }
        Ok(tensor)
    }
}
