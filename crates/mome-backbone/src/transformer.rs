//! Which weights a transformer has, and which tensors of the file they are.
//!
//! [`Transformer`] is the one description of the layers. The file's side fills it with places ([`MatrixSource`],
//! [`VectorSource`]); an executor turns those into weights on its device with [`Transformer::try_map`].

use std::ops::Range;

/// The weights of a decoder-only transformer: matrices of type `M`, vectors of type `V`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformer<M, V> {
    /// Token embeddings, `[V, d]`.
    pub embedding: M,
    /// Learned position embeddings, `[context, d]`, added to the token's; `None` where positions are rotations.
    pub positions: Option<M>,
    /// What each of RoPE's frequencies is divided by, `[rope width / 2]`, where the file has such factors.
    pub rope_factors: Option<V>,
    /// The blocks, in order.
    pub blocks: Vec<Block<M, V>>,
    /// The norm after the last block.
    pub output_norm: Norm<V>,
    /// The output projection, `[V, d]`; `None` where the token embeddings serve.
    pub output: Option<M>,
}

/// The weights of one block: attention, then a feed-forward layer, each after a norm and added to the residual
/// stream, in some architectures after another norm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<M, V> {
    /// The norm before attention.
    pub attention_norm: Norm<V>,
    /// `[heads * head width, d]`
    pub query: Linear<M, V>,
    /// `[KV heads * head width, d]`
    pub key: Linear<M, V>,
    /// `[KV heads * head width, d]`
    pub value: Linear<M, V>,
    /// RMSNorm of each head of the queries, `[head width]`, before they are rotated.
    pub query_norm: Option<V>,
    /// RMSNorm of each head of the keys, `[head width]`, before they are rotated.
    pub key_norm: Option<V>,
    /// `[d, heads * head width]`
    pub attention_output: Linear<M, V>,
    /// The norm of what attention adds.
    pub attention_post_norm: Option<Norm<V>>,
    /// The norm before the feed-forward layer.
    pub feed_forward_norm: Norm<V>,
    /// `[feed-forward, d]`; `None` where the layer is not gated.
    pub gate: Option<Linear<M, V>>,
    /// `[feed-forward, d]`
    pub up: Linear<M, V>,
    /// `[d, feed-forward]`
    pub down: Linear<M, V>,
    /// The norm of what the feed-forward layer adds.
    pub feed_forward_post_norm: Option<Norm<V>>,
}

/// A norm's weights, `[d]` each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Norm<V> {
    /// What each column is multiplied by.
    pub weight: V,
    /// What is then added to it.
    pub bias: Option<V>,
}

/// A matrix `[rows, columns]`, and what is added to its product, `[rows]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linear<M, V> {
    /// The matrix.
    pub weight: M,
    /// What is added.
    pub bias: Option<V>,
}

/// A matrix in the file: some rows of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatrixSource {
    /// The tensor's place in the file's table.
    pub tensor: usize,
    /// Which of its rows.
    pub rows: Range<usize>,
    /// Elements in a row.
    pub columns: usize,
}

/// A vector in the file: some elements of a tensor that is not quantised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VectorSource {
    /// The tensor's place in the file's table.
    pub tensor: usize,
    /// Which of its elements.
    pub elements: Range<usize>,
}

impl<M, V> Transformer<M, V> {
    /// The same layers with other weights: each matrix through `matrix`, each vector through `vector`, in the order
    /// in which a forward pass comes by them.
    ///
    /// # Errors
    /// The first error of either.
    pub fn try_map<N, W, E>(
        &self,
        mut matrix: impl FnMut(&M) -> Result<N, E>,
        mut vector: impl FnMut(&V) -> Result<W, E>,
    ) -> Result<Transformer<N, W>, E> {
        Ok(Transformer {
            embedding: matrix(&self.embedding)?,
            positions: self.positions.as_ref().map(&mut matrix).transpose()?,
            rope_factors: self.rope_factors.as_ref().map(&mut vector).transpose()?,
            blocks: self
                .blocks
                .iter()
                .map(|block| block.try_map(&mut matrix, &mut vector))
                .collect::<Result<_, E>>()?,
            output_norm: self.output_norm.try_map(&mut vector)?,
            output: self.output.as_ref().map(&mut matrix).transpose()?,
        })
    }
}

impl<M, V> Block<M, V> {
    fn try_map<N, W, E>(
        &self,
        matrix: &mut impl FnMut(&M) -> Result<N, E>,
        vector: &mut impl FnMut(&V) -> Result<W, E>,
    ) -> Result<Block<N, W>, E> {
        Ok(Block {
            attention_norm: self.attention_norm.try_map(vector)?,
            query: self.query.try_map(matrix, vector)?,
            key: self.key.try_map(matrix, vector)?,
            value: self.value.try_map(matrix, vector)?,
            query_norm: self.query_norm.as_ref().map(&mut *vector).transpose()?,
            key_norm: self.key_norm.as_ref().map(&mut *vector).transpose()?,
            attention_output: self.attention_output.try_map(matrix, vector)?,
            attention_post_norm: try_map_norm(&self.attention_post_norm, vector)?,
            feed_forward_norm: self.feed_forward_norm.try_map(vector)?,
            gate: self.gate.as_ref().map(|gate| gate.try_map(matrix, vector)).transpose()?,
            up: self.up.try_map(matrix, vector)?,
            down: self.down.try_map(matrix, vector)?,
            feed_forward_post_norm: try_map_norm(&self.feed_forward_post_norm, vector)?,
        })
    }
}

fn try_map_norm<V, W, E>(
    norm: &Option<Norm<V>>,
    vector: &mut impl FnMut(&V) -> Result<W, E>,
) -> Result<Option<Norm<W>>, E> {
    norm.as_ref().map(|norm| norm.try_map(vector)).transpose()
}

impl<V> Norm<V> {
    pub(crate) fn try_map<W, E>(&self, vector: &mut impl FnMut(&V) -> Result<W, E>) -> Result<Norm<W>, E> {
        let weight = vector(&self.weight)?;
        Ok(Norm { weight, bias: self.bias.as_ref().map(vector).transpose()? })
    }
}

impl<M, V> Linear<M, V> {
    pub(crate) fn try_map<N, W, E>(
        &self,
        matrix: &mut impl FnMut(&M) -> Result<N, E>,
        vector: &mut impl FnMut(&V) -> Result<W, E>,
    ) -> Result<Linear<N, W>, E> {
        let weight = matrix(&self.weight)?;
        Ok(Linear { weight, bias: self.bias.as_ref().map(vector).transpose()? })
    }
}
