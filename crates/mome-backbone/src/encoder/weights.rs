//! Which weights an encoder has, and which tensors of the file they are.
//!
//! As with a backbone's [`crate::Transformer`], the file's side fills the description with places, and an executor turns
//! those into weights on its device with [`EncoderWeights::try_map`].

use super::ARCHITECTURE;
use super::config::{EncoderBlockShape, EncoderConfig};
use crate::Gguf;
use crate::config_error::ConfigError;
use crate::tensors::Tensors;
use crate::transformer::{Linear, MatrixSource, Norm, VectorSource};

/// The weights of an encoder: matrices of type `M`, vectors of type `V`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderWeights<M, V> {
    /// What the blocks begin with.
    pub embedding: EncoderEmbedding<M, V>,
    /// The blocks, in order.
    pub blocks: Vec<EncoderBlock<M, V>>,
}

/// The embeddings, whose sum is normed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderEmbedding<M, V> {
    /// `[V, d]`
    pub tokens: M,
    /// `[context, d]`
    pub positions: M,
    /// `[token types, d]`; `None` where the file tells no types apart.
    pub types: Option<M>,
    /// LayerNorm of the sum.
    pub norm: Norm<V>,
}

/// The weights of one block: attention, then a feed-forward layer, each added to what it read, and the sum normed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderBlock<M, V> {
    /// `[d, d]`
    pub query: Linear<M, V>,
    /// `[d, d]`
    pub key: Linear<M, V>,
    /// `[d, d]`
    pub value: Linear<M, V>,
    /// `[d, d]`
    pub attention_output: Linear<M, V>,
    /// LayerNorm after attention.
    pub attention_norm: Norm<V>,
    /// `[feed-forward, d]`
    pub up: Linear<M, V>,
    /// `[d, feed-forward]`
    pub down: Linear<M, V>,
    /// LayerNorm after the feed-forward layer.
    pub output_norm: Norm<V>,
}

impl EncoderWeights<MatrixSource, VectorSource> {
    /// Finds the tensors of a file and checks their shapes. A tensor that the architecture does not have is an error.
    pub(crate) fn find(gguf: &Gguf, config: &EncoderConfig) -> Result<Self, ConfigError> {
        let mut tensors = Tensors::new(gguf);
        let hidden = config.block.hidden;
        let weights = Self {
            embedding: EncoderEmbedding {
                tokens: tensors.matrix("token_embd.weight", config.vocabulary, hidden)?,
                positions: tensors.matrix("position_embd.weight", config.context, hidden)?,
                types: match tensors.has("token_types.weight") {
                    true => Some(tensors.matrix("token_types.weight", config.token_types, hidden)?),
                    false => None,
                },
                norm: tensors.layer_norm("token_embd_norm", hidden)?,
            },
            blocks: (0..config.layers)
                .map(|index| EncoderBlock::find(&mut tensors, &config.block, index))
                .collect::<Result<_, _>>()?,
        };
        tensors.refuse_unused(ARCHITECTURE)?;
        Ok(weights)
    }
}

impl EncoderBlock<MatrixSource, VectorSource> {
    /// Finds the tensors of block `index`, whose names begin with `blk.{index}`.
    pub(crate) fn find(
        tensors: &mut Tensors<'_>,
        shape: &EncoderBlockShape,
        index: usize,
    ) -> Result<Self, ConfigError> {
        let EncoderBlockShape { hidden, feed_forward, .. } = *shape;
        let name = |part: &str| format!("blk.{index}.{part}");
        let mut linear = |part: &str, rows, columns| tensors.linear(&name(part), rows, columns, true);
        let attention_output = linear("attn_output", hidden, hidden)?;
        let (up, down) = (linear("ffn_up", feed_forward, hidden)?, linear("ffn_down", hidden, feed_forward)?);
        let [query, key, value] = if tensors.has(&name("attn_qkv.weight")) {
            tensors.stacked_linear(&name("attn_qkv"), [hidden; 3], hidden, true)?
        } else {
            let mut linear = |part: &str| tensors.linear(&name(part), hidden, hidden, true);
            [linear("attn_q")?, linear("attn_k")?, linear("attn_v")?]
        };
        Ok(Self {
            query,
            key,
            value,
            attention_output,
            attention_norm: tensors.layer_norm(&name("attn_output_norm"), hidden)?,
            up,
            down,
            output_norm: tensors.layer_norm(&name("layer_output_norm"), hidden)?,
        })
    }
}

impl<M, V> EncoderWeights<M, V> {
    /// The same layers with other weights: each matrix through `matrix`, each vector through `vector`, in the order
    /// in which a forward pass comes by them.
    ///
    /// # Errors
    /// The first error of either.
    pub fn try_map<N, W, E>(
        &self,
        mut matrix: impl FnMut(&M) -> Result<N, E>,
        mut vector: impl FnMut(&V) -> Result<W, E>,
    ) -> Result<EncoderWeights<N, W>, E> {
        let EncoderEmbedding { tokens, positions, types, norm } = &self.embedding;
        Ok(EncoderWeights {
            embedding: EncoderEmbedding {
                tokens: matrix(tokens)?,
                positions: matrix(positions)?,
                types: types.as_ref().map(&mut matrix).transpose()?,
                norm: norm.try_map(&mut vector)?,
            },
            blocks: self
                .blocks
                .iter()
                .map(|block| block.try_map(&mut matrix, &mut vector))
                .collect::<Result<_, E>>()?,
        })
    }
}

impl<M, V> EncoderBlock<M, V> {
    /// As [`EncoderWeights::try_map`].
    pub fn try_map<N, W, E>(
        &self,
        matrix: &mut impl FnMut(&M) -> Result<N, E>,
        vector: &mut impl FnMut(&V) -> Result<W, E>,
    ) -> Result<EncoderBlock<N, W>, E> {
        Ok(EncoderBlock {
            query: self.query.try_map(matrix, vector)?,
            key: self.key.try_map(matrix, vector)?,
            value: self.value.try_map(matrix, vector)?,
            attention_output: self.attention_output.try_map(matrix, vector)?,
            attention_norm: self.attention_norm.try_map(vector)?,
            up: self.up.try_map(matrix, vector)?,
            down: self.down.try_map(matrix, vector)?,
            output_norm: self.output_norm.try_map(vector)?,
        })
    }
}
