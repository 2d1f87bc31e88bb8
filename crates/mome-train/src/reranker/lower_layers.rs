//! The encoder's lower layers, which a reranker shares and which stay as they are: from tokens to the states that the
//! layers in training begin with.
//!
//! They run here and not in the engine, which runs all layers to observe one, and rounds activations to 16 bits.

use std::convert::Infallible;

use burn::tensor::module::layer_norm;
use burn::tensor::{Device, Tensor};
use mome_backbone::{EncoderBlock, EncoderBlockShape, EncoderEmbedding, EncoderInput, EncoderWeights};

use super::network::{Block, Padding, matrix_on, run_block, tensor, vector_on};
use super::numbers::{EncoderNumbers, Matrix};

/// The embedding and the first blocks of an encoder.
pub(super) struct LowerLayers {
    shape: EncoderBlockShape,
    embedding: EncoderEmbedding<Matrix, Vec<f32>>,
    blocks: Vec<Block>,
    device: Device,
}

/// Pairs as the layers in training get them.
#[derive(Clone)]
pub(super) struct Batch {
    /// `[pairs * tokens, d]`
    pub states: Tensor<2>,
    /// How the pairs lie in it.
    pub padding: Padding,
}

impl Batch {
    /// The same, to be differentiated through.
    pub fn differentiable(self) -> Self {
        Self { states: Tensor::from_inner(self.states), padding: self.padding.differentiable() }
    }
}

impl LowerLayers {
    /// The first `count` blocks of an encoder.
    pub fn new(shape: EncoderBlockShape, numbers: EncoderNumbers, count: usize, device: &Device) -> Self {
        let EncoderWeights { embedding, blocks } = numbers;
        let on_device = |block: &EncoderBlock<Matrix, Vec<f32>>| {
            let Ok(block) = block.try_map(
                &mut |matrix: &Matrix| Ok::<_, Infallible>(matrix_on(device, matrix)),
                &mut |vector: &Vec<f32>| Ok(vector_on(device, vector)),
            );
            block
        };
        let blocks = blocks[..count].iter().map(on_device).collect();
        Self { shape, embedding, blocks, device: device.clone() }
    }

    /// The states of these pairs after the lower layers.
    pub fn read(&self, pairs: &[&EncoderInput]) -> Batch {
        let lengths: Vec<usize> = pairs.iter().map(|pair| pair.ids.len()).collect();
        let padding = Padding::of(&lengths, &self.device);
        let embedded = self.embed(pairs, padding.tokens);
        let states = self
            .blocks
            .iter()
            .fold(embedded, |states, block| run_block(block, &self.shape, &padding, states));
        Batch { states, padding }
    }

    /// The normed sums of the embeddings of tokens, positions and types, `[pairs * tokens, d]`; zeros at padding,
    /// before the norm.
    fn embed(&self, pairs: &[&EncoderInput], tokens: usize) -> Tensor<2> {
        let (embedding, width) = (&self.embedding, self.shape.hidden);
        let mut sums = vec![0.0; pairs.len() * tokens * width];
        for (pair, rows) in pairs.iter().zip(sums.chunks_exact_mut(tokens * width)) {
            for (position, (&token, row)) in pair.ids.iter().zip(rows.chunks_exact_mut(width)).enumerate() {
                add_row(row, &embedding.tokens, token as usize);
                add_row(row, &embedding.positions, position);
                if let Some(types) = &embedding.types {
                    add_row(row, types, usize::from(position >= pair.types_from).min(types.rows - 1));
                }
            }
        }
        let sums = tensor(sums, [pairs.len() * tokens, width], &self.device);
        let bias = embedding.norm.bias.as_ref().map(|bias| vector_on(&self.device, bias));
        let weight = vector_on(&self.device, &embedding.norm.weight);
        layer_norm(sums, weight, bias, self.shape.norm_epsilon.into())
    }
}

fn add_row(sum: &mut [f32], matrix: &Matrix, row: usize) {
    let numbers = &matrix.values[row * matrix.columns..][..matrix.columns];
    sum.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
}
