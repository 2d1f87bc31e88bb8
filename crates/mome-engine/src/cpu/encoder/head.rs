//! From the states of texts to their embeddings, and from those of pairs to logits.

use mome_backbone::{EncoderConfig, Pooling};

use super::model::{Model, Ranker, Workspace};
use crate::cpu::activation::gelu_erf;
use crate::cpu::linear::add;
use crate::{RerankLogits, TokenPair};

/// The embeddings of texts whose last states are `x [tokens, d]`.
pub(super) fn pool(config: &EncoderConfig, batch: &[TokenPair<'_>], x: &[f32]) -> Vec<Vec<f32>> {
    let width = config.block.hidden;
    let pooled = states(batch, x, width).map(|states| match config.pooling {
        Pooling::Mean => mean(states, width),
        Pooling::Cls => states[..width].to_vec(),
    });
    pooled.map(to_unit_length).collect()
}

/// What the reranker says of pairs whose last states are in `room.x`.
pub(super) fn rank(
    model: &Model,
    ranker: &Ranker,
    batch: &[TokenPair<'_>],
    room: &mut Workspace,
) -> Vec<RerankLogits> {
    let width = ranker.block.hidden;
    let features: Vec<f32> = states(batch, &room.x, width)
        .flat_map(|states| states[..width].iter().copied().chain(mean(states, width)))
        .collect();
    let (mut hidden, mut logits) = (Vec::new(), Vec::new());
    room.products.linear(&model.processor, &features, [(&ranker.weights.hidden, &mut hidden)]);
    gelu_erf(model.processor.level, &mut hidden);
    room.products.linear(&model.processor, &hidden, [(&ranker.weights.output, &mut logits)]);
    logits.as_chunks().0.iter().map(|logits| RerankLogits::from(*logits)).collect()
}

/// The states of each text, `[its tokens, d]`.
fn states<'a>(batch: &[TokenPair<'_>], mut x: &'a [f32], width: usize) -> impl Iterator<Item = &'a [f32]> {
    batch.iter().map(move |input| {
        let (states, others) = x.split_at(input.tokens.len() * width);
        x = others;
        states
    })
}

fn mean(states: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    states.chunks_exact(width).for_each(|state| add(&mut sum, state));
    let count = (states.len() / width) as f32;
    sum.iter_mut().for_each(|value| *value /= count);
    sum
}

/// A vector in the same direction; zeros stay zeros.
fn to_unit_length(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}
