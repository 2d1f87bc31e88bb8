//! The arithmetic of a reranker's layers on burn's tensors, so that gradients can be had.
//!
//! Matrices lie transposed, `[columns, rows]` of the file's: then every product and every gradient is contiguous.

use burn::tensor::activation::{gelu, softmax};
use burn::tensor::module::{layer_norm, linear};
use burn::tensor::{Device, Tensor, TensorData};
use mome_backbone::{EncoderBlock, EncoderBlockShape, Linear, Norm, RerankerWeights};

use super::numbers::Matrix;

/// A block's weights as tensors.
pub(super) type Block = EncoderBlock<Tensor<2>, Tensor<1>>;

/// A reranker's weights as tensors.
pub(super) type Network = RerankerWeights<Tensor<2>, Tensor<1>>;

/// What is added to the attention scores of padding.
const UNSEEN: f32 = -1e9;

/// How the pairs of a batch lie in a tensor `[pairs * tokens, d]`: each is padded to the longest.
#[derive(Clone)]
pub(super) struct Padding {
    /// How many pairs there are.
    pub pairs: usize,
    /// Tokens of the longest.
    pub tokens: usize,
    /// `[pairs, 1, 1, tokens]`, added to attention scores: 0, and [`UNSEEN`] at padding. `None` where nothing is padded.
    scores: Option<Tensor<4>>,
    /// `[pairs, 2, tokens]`: picks the first token, and the mean of all that are no padding.
    pooling: Tensor<3>,
}

impl Padding {
    /// Of pairs with so many tokens each.
    pub fn of(lengths: &[usize], device: &Device) -> Self {
        let (pairs, tokens) = (lengths.len(), lengths.iter().copied().max().unwrap_or(0));
        let mut scores = vec![0.0; pairs * tokens];
        let mut pooling = vec![0.0; pairs * 2 * tokens];
        for (pair, &length) in lengths.iter().enumerate() {
            scores[pair * tokens + length..(pair + 1) * tokens].fill(UNSEEN);
            let (first, mean) = pooling[2 * pair * tokens..][..2 * tokens].split_at_mut(tokens);
            first[0] = 1.0;
            mean[..length].fill(1.0 / length as f32);
        }
        let is_padded = lengths.iter().any(|length| *length < tokens);
        let scores = is_padded.then(|| tensor(scores, [pairs, 1, 1, tokens], device));
        Self { pairs, tokens, scores, pooling: tensor(pooling, [pairs, 2, tokens], device) }
    }

    /// The same, to be differentiated through.
    pub fn differentiable(self) -> Self {
        let Self { pairs, tokens, scores, pooling } = self;
        Self { pairs, tokens, scores: scores.map(Tensor::from_inner), pooling: Tensor::from_inner(pooling) }
    }
}

/// A tensor of these values.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A matrix as it lies on a device: `[columns, rows]`.
pub(super) fn matrix_on(device: &Device, matrix: &Matrix) -> Tensor<2> {
    tensor(transposed(&matrix.values, matrix.columns), [matrix.columns, matrix.rows], device)
}

/// A vector on a device.
pub(super) fn vector_on(device: &Device, vector: &[f32]) -> Tensor<1> {
    tensor(vector.to_vec(), [vector.len()], device)
}

/// The columns of a matrix as rows.
pub(super) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    (0..values.len()).map(|at| values[at % rows * columns + at / rows]).collect()
}

/// The states after a block, `[pairs * tokens, d]`, of those before it: attention of each token to all tokens of its
/// pair, then a feed-forward layer, each added to what it read and normed (BERT, arXiv 1810.04805).
pub(super) fn run_block(
    block: &Block,
    shape: &EncoderBlockShape,
    padding: &Padding,
    states: Tensor<2>,
) -> Tensor<2> {
    let attended = project(&block.attention_output, attend(block, shape, padding, &states));
    let states = norm(&block.attention_norm, shape, states + attended);
    let inner = gelu(project(&block.up, states.clone()));
    norm(&block.output_norm, shape, states + project(&block.down, inner))
}

/// The logits `[pairs, 3]` of pairs with these last states: the head reads the state of the first token and the mean
/// of all.
pub(super) fn rank(network: &Network, padding: &Padding, states: Tensor<2>) -> Tensor<2> {
    let width = states.dims()[1];
    let states = states.reshape([padding.pairs, padding.tokens, width]);
    let pooled = padding.pooling.clone().matmul(states).reshape([padding.pairs, 2 * width]);
    project(&network.output, gelu(project(&network.hidden, pooled)))
}

/// What each token of a pair takes from all of them, `[pairs * tokens, d]`.
fn attend(block: &Block, shape: &EncoderBlockShape, padding: &Padding, states: &Tensor<2>) -> Tensor<2> {
    let (pairs, tokens, width) = (padding.pairs, padding.tokens, shape.head_width());
    let heads = |layer: &Linear<Tensor<2>, Tensor<1>>| {
        let projected = project(layer, states.clone());
        projected.reshape([pairs, tokens, shape.heads, width]).swap_dims(1, 2)
    };
    let queries = heads(&block.query) * (width as f64).powf(-0.5);
    let scores = queries.matmul(heads(&block.key).swap_dims(2, 3));
    let scores = match &padding.scores {
        Some(unseen) => scores + unseen.clone(),
        None => scores,
    };
    let taken = softmax(scores, 3).matmul(heads(&block.value));
    taken.swap_dims(1, 2).reshape([pairs * tokens, shape.hidden])
}

fn project(layer: &Linear<Tensor<2>, Tensor<1>>, states: Tensor<2>) -> Tensor<2> {
    linear(states, layer.weight.clone(), layer.bias.clone())
}

fn norm(norm: &Norm<Tensor<1>>, shape: &EncoderBlockShape, states: Tensor<2>) -> Tensor<2> {
    layer_norm(states, norm.weight.clone(), norm.bias.clone(), shape.norm_epsilon.into())
}
