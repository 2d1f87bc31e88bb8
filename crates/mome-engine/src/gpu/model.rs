//! A backbone's tensors on the device.

use mome_backbone::{Backbone, Tensor, TensorType};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{Store, WeightKernelSet};
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
    /// What reads the weights, and W_query, which comes with each pass.
    kernels: WeightKernelSet,
}

/// One transformer block.
pub(super) struct Block {
    pub attention_norm: Buffer,
    /// Query, key and value weights, one below the other.
    pub qkv: Weights,
    pub attention_output: Weights,
    pub feed_forward_norm: Buffer,
    pub gate_and_up: GateAndUp,
    pub down: Weights,
}

/// The first two matrices of a feed-forward layer.
pub(super) enum GateAndUp {
    /// Of one type: [`Weights::upload_pair`].
    Pair(Weights),
    Apart {
        gate: Weights,
        up: Weights,
    },
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
        let heads = Heads::of(config);
        let loader = Loader { gpu, backbone, kernels: WeightKernelSet::new(&gpu.device, gpu.lanes()) };
        let blocks =
            (0..config.layers).map(|index| loader.block(index, heads)).collect::<Result<Vec<_>, _>>()?;
        let embedding = loader.matrix("token_embd.weight", hidden, vocabulary)?;
        let output = if config.tied {
            embedding.clone()
        } else {
            loader.matrix("output.weight", hidden, vocabulary)?
        };
        let output_norm = loader.norm("output_norm.weight")?;
        let model = Self { embedding, blocks, output_norm, output, heads, kernels: loader.kernels };
        model.compile();
        Ok(model)
    }

    /// Compiles the kernels for all weights, so that the first pass need not.
    fn compile(&self) {
        for chunk in &self.embedding.chunks {
            chunk.kernels.embed();
        }
        self.output.compile_matmul(Store::Rows);
        self.kernels.get(TensorType::F32).matmul(Store::Rows);
        for block in &self.blocks {
            block.qkv.compile_matmul(Store::Qkv);
            block.attention_output.compile_matmul(Store::Rows);
            match &block.gate_and_up {
                GateAndUp::Pair(pair) => pair.compile_matmul(Store::Swiglu),
                GateAndUp::Apart { gate, up } => {
                    gate.compile_matmul(Store::Rows);
                    up.compile_matmul(Store::Rows);
                }
            }
            block.down.compile_matmul(Store::Rows);
        }
    }

    /// Uploads W_query, `[KEY_WIDTH, d]`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where it is too large for a buffer.
    pub fn upload_query(&self, gpu: &Gpu, query: &QueryProjection) -> Result<Weights, EngineError> {
        let shape = [self.output.columns as u64, KEY_WIDTH as u64];
        let data: Vec<u8> = query.0.iter().flat_map(|weight| weight.to_le_bytes()).collect();
        let tensor = Tensor { name: "W_query", kind: TensorType::F32, shape: &shape, offset: 0, data: &data };
        Weights::upload(gpu, &self.kernels, &[tensor])
    }
}

/// Finds tensors by name, checks their shapes, and puts them on the device.
struct Loader<'a> {
    gpu: &'a Gpu,
    backbone: &'a Backbone,
    kernels: WeightKernelSet,
}

impl<'a> Loader<'a> {
    fn block(&self, index: usize, heads: Heads) -> Result<Block, EngineError> {
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
            qkv: self.stack(
                &[("attn_q", query), ("attn_k", key), ("attn_v", key)].map(|(part, rows)| (name(part), rows)),
                hidden,
            )?,
            attention_output: self.matrix(&name("attn_output"), query, hidden)?,
            feed_forward_norm: self.norm(&name("ffn_norm"))?,
            gate_and_up: self.gate_and_up(&name("ffn_gate"), &name("ffn_up"), hidden, feed_forward)?,
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

    fn matrix(&self, name: &str, columns: usize, rows: usize) -> Result<Weights, EngineError> {
        let tensor = self.tensor(name, &[columns as u64, rows as u64])?;
        Weights::upload(self.gpu, &self.kernels, &[tensor])
    }

    /// Several matrices as one: each is named with its rows.
    fn stack(&self, parts: &[(String, usize)], columns: usize) -> Result<Weights, EngineError> {
        let tensors = parts.iter().map(|(name, rows)| self.tensor(name, &[columns as u64, *rows as u64]));
        Weights::upload(self.gpu, &self.kernels, &tensors.collect::<Result<Vec<_>, _>>()?)
    }

    fn gate_and_up(
        &self,
        gate: &str,
        up: &str,
        columns: usize,
        rows: usize,
    ) -> Result<GateAndUp, EngineError> {
        let shape = [columns as u64, rows as u64];
        let (gate, up) = (self.tensor(gate, &shape)?, self.tensor(up, &shape)?);
        let upload = |tensor| Weights::upload(self.gpu, &self.kernels, &[tensor]);
        Ok(if gate.kind == up.kind {
            GateAndUp::Pair(Weights::upload_pair(self.gpu, &self.kernels, [&gate, &up])?)
        } else {
            GateAndUp::Apart { gate: upload(gate)?, up: upload(up)? }
        })
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
