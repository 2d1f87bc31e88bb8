//! An encoder's weights on the device, and a reranker's.

use mome_backbone::{
    EncoderBlock, EncoderBlockShape, EncoderConfig, EncoderEmbedding, EncoderWeights, Linear, RerankerWeights,
};
use wgpu::Buffer;

use crate::EngineError;
use crate::gpu::device::Gpu;
use crate::gpu::kernels::{Store, WeightKernelSet};
use crate::gpu::matrices::Allocator;
use crate::gpu::operations::{Heads, Norm};
use crate::gpu::weights::{Destination, FileMatrix, Weights};

/// Everything of an encoder that the GPU reads.
pub(super) struct Model {
    pub shape: EncoderBlockShape,
    /// `[V, d]`
    pub tokens: Weights,
    /// `[context, d]`
    pub positions: Buffer,
    /// `[token types, d]`
    pub types: Buffer,
    pub embedding_norm: mome_backbone::Norm<Buffer>,
    pub blocks: Vec<Block>,
    pub ranker: Option<Ranker>,
}

/// Everything of a reranker that the GPU reads.
pub(super) struct Ranker {
    pub shape: EncoderBlockShape,
    /// How many of the encoder's blocks come before its own.
    pub first_layer: usize,
    pub blocks: Vec<Block>,
    /// `[rank width, 2 d]`
    pub hidden: Weights,
    /// `[3, rank width]`
    pub output: Weights,
    /// The biases of both.
    pub vectors: RerankerWeights<(), Buffer>,
}

/// One block.
pub(super) struct Block {
    pub matrices: BlockMatrices,
    /// Norms, and biases of single matrices.
    pub vectors: EncoderBlock<(), Buffer>,
    /// The biases of queries, keys and values, in this order.
    pub qkv_bias: Option<Buffer>,
}

/// The matrices of one block.
pub(super) struct BlockMatrices {
    /// Query, key and value, one below the other.
    pub qkv: Weights,
    pub attention_output: Weights,
    pub up: Weights,
    pub down: Weights,
}

/// All matrices of an encoder that are read as they are in the file.
pub(super) struct EncoderMatrices {
    tokens: Weights,
    blocks: Vec<BlockMatrices>,
}

/// All matrices of a reranker.
pub(super) struct RankerMatrices {
    blocks: Vec<BlockMatrices>,
    hidden: Weights,
    output: Weights,
}

/// The embeddings of positions and of token types, as floats.
pub(super) struct Tables {
    pub positions: Vec<f32>,
    /// `None` where the encoder tells no types apart.
    pub types: Option<Vec<f32>>,
}

impl Model {
    /// Makes a model of matrices that are on the device, and vectors and tables that are yet to go there.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where one is too large for a buffer.
    pub fn new(
        gpu: &Gpu,
        config: &EncoderConfig,
        matrices: EncoderMatrices,
        vectors: &EncoderWeights<(), Vec<f32>>,
        tables: &Tables,
    ) -> Result<Self, EngineError> {
        let uploaded = vectors.try_map(|()| Ok(()), |vector| gpu.upload("vector", vector))?;
        let no_types = vec![0.0; config.block.hidden];
        let types = tables.types.as_ref().unwrap_or(&no_types);
        Ok(Self {
            shape: config.block,
            tokens: matrices.tokens,
            positions: gpu.upload("position embeddings", &tables.positions)?,
            types: gpu.upload("type embeddings", types)?,
            embedding_norm: uploaded.embedding.norm,
            blocks: blocks(gpu, matrices.blocks, uploaded.blocks, &vectors.blocks)?,
            ranker: None,
        })
    }
}

impl Ranker {
    /// As [`Model::new`].
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn new(
        gpu: &Gpu,
        (shape, first_layer): (EncoderBlockShape, usize),
        matrices: RankerMatrices,
        vectors: &RerankerWeights<(), Vec<f32>>,
    ) -> Result<Self, EngineError> {
        let mut uploaded = vectors.try_map(|()| Ok(()), |vector| gpu.upload("vector", vector))?;
        let RankerMatrices { blocks: block_matrices, hidden, output } = matrices;
        let block_vectors = std::mem::take(&mut uploaded.blocks);
        let blocks = blocks(gpu, block_matrices, block_vectors, &vectors.blocks)?;
        Ok(Self { shape, first_layer, blocks, hidden, output, vectors: uploaded })
    }
}

/// Puts blocks together.
fn blocks(
    gpu: &Gpu,
    matrices: Vec<BlockMatrices>,
    uploaded: Vec<EncoderBlock<(), Buffer>>,
    vectors: &[EncoderBlock<(), Vec<f32>>],
) -> Result<Vec<Block>, EngineError> {
    let parts = matrices.into_iter().zip(uploaded).zip(vectors);
    let block = |((matrices, uploaded), vectors): (_, &EncoderBlock<(), Vec<f32>>)| {
        let biases = [&vectors.query, &vectors.key, &vectors.value].map(|linear| linear.bias.as_deref());
        let biases: Option<Vec<&[f32]>> = biases.into_iter().collect();
        let upload = |biases: Vec<&[f32]>| gpu.upload("biases of queries, keys and values", &biases.concat());
        Ok(Block { matrices, vectors: uploaded, qkv_bias: biases.map(upload).transpose()? })
    };
    parts.map(block).collect()
}

impl EncoderMatrices {
    /// Makes room for the matrices. `describe` says what each is in the file, `place` is told where each goes. The
    /// [`Tables`] are not among them.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read one.
    pub fn allocate<'a, M, V>(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        weights: &EncoderWeights<M, V>,
        describe: impl Fn(&M) -> FileMatrix<'a>,
        place: &mut impl FnMut(&M, Destination),
    ) -> Result<Self, EngineError> {
        let mut allocator = Allocator { gpu, kernels, describe, place };
        let EncoderWeights { embedding: EncoderEmbedding { tokens, .. }, blocks } = weights;
        let matrices = Self {
            tokens: allocator.stack(&[tokens])?,
            blocks: blocks.iter().map(|block| allocator.encoder_block(block)).collect::<Result<_, _>>()?,
        };
        matrices.tokens.chunks.iter().for_each(|chunk| {
            chunk.kernels.embed();
        });
        Ok(matrices)
    }
}

impl RankerMatrices {
    /// As [`EncoderMatrices::allocate`].
    ///
    /// # Errors
    /// As [`EncoderMatrices::allocate`].
    pub fn allocate<'a, M, V>(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        weights: &RerankerWeights<M, V>,
        describe: impl Fn(&M) -> FileMatrix<'a>,
        place: &mut impl FnMut(&M, Destination),
    ) -> Result<Self, EngineError> {
        let mut allocator = Allocator { gpu, kernels, describe, place };
        let RerankerWeights { blocks, hidden, output } = weights;
        Ok(Self {
            blocks: blocks.iter().map(|block| allocator.encoder_block(block)).collect::<Result<_, _>>()?,
            hidden: allocator.ready(&hidden.weight)?,
            output: allocator.ready(&output.weight)?,
        })
    }
}

impl<'a, D, P> Allocator<'_, D, P> {
    fn encoder_block<M, V>(&mut self, block: &EncoderBlock<M, V>) -> Result<BlockMatrices, EngineError>
    where
        D: Fn(&M) -> FileMatrix<'a>,
        P: FnMut(&M, Destination),
    {
        let EncoderBlock { query, key, value, attention_output, up, down, .. } = block;
        let qkv = self.stack(&[&query.weight, &key.weight, &value.weight])?;
        qkv.compile_matmul(Store::Qkv);
        Ok(BlockMatrices {
            qkv,
            attention_output: self.ready(&attention_output.weight)?,
            up: self.ready(&up.weight)?,
            down: self.ready(&down.weight)?,
        })
    }

    /// Makes room for one matrix, and compiles what multiplies it.
    fn ready<M>(&mut self, matrix: &M) -> Result<Weights, EngineError>
    where
        D: Fn(&M) -> FileMatrix<'a>,
        P: FnMut(&M, Destination),
    {
        let weights = self.stack(&[matrix])?;
        weights.compile_matmul(Store::Rows);
        Ok(weights)
    }
}

/// A norm of blocks of that shape.
pub(super) fn norm<'a>(shape: &EncoderBlockShape, norm: &'a mome_backbone::Norm<Buffer>) -> Norm<'a> {
    Norm { weight: &norm.weight, bias: norm.bias.as_ref(), epsilon: shape.norm_epsilon }
}

/// The heads of blocks of that shape.
pub(super) fn heads(shape: &EncoderBlockShape) -> Heads {
    Heads { query_heads: shape.heads, kv_heads: shape.heads, width: shape.head_width() }
}

/// The bias of a linear layer.
pub(super) fn bias(linear: &Linear<(), Buffer>) -> Option<&Buffer> {
    linear.bias.as_ref()
}
