//! The forward pass of a decoder-only transformer, as a backbone's configuration and weights describe it.

use mome_backbone::{Activation, Block, Config, Linear, Transformer};

use super::attention::KvCache;
use super::matrix::Matrix;
use super::norm::{norm, rms_norm};
use super::rope::{Rotations, frequencies};

/// A model's weights.
pub(super) struct Model {
    pub(super) config: Config,
    weights: Transformer<Matrix, Vec<f32>>,
    /// `[rope width / 2]`: by how much each pair turns from one position to the next; empty without RoPE.
    frequencies: Vec<f32>,
}

impl Model {
    /// Makes a model of weights.
    pub(super) fn new(config: Config, weights: Transformer<Matrix, Vec<f32>>) -> Self {
        let frequencies =
            config.rope.map(|rope| frequencies(rope, weights.rope_factors.as_deref())).unwrap_or_default();
        Self { config, weights, frequencies }
    }

    /// Runs tokens after those in the caches, one cache a block. Hands the residual stream `[tokens, d]` to
    /// `observe` with its layer: 0 after the embedding, `l` after block `l`. Returns the last.
    pub(super) fn run(
        &self,
        tokens: &[u32],
        position: usize,
        caches: &mut [KvCache],
        mut observe: impl FnMut(usize, &[f32]),
    ) -> Vec<f32> {
        let mut x = self.embed(tokens, position);
        observe(0, &x);
        let rotations = self.config.rope.map(|rope| {
            let positions = position..position + tokens.len();
            Rotations::new(rope, self.config.head_width, &self.frequencies, positions)
        });
        for (index, (block, cache)) in self.weights.blocks.iter().zip(caches).enumerate() {
            self.run_block(block, rotations.as_ref(), cache, &mut x);
            observe(index + 1, &x);
        }
        x
    }

    /// The last norm: from the residual stream after the last block to final hidden states, `[rows, d]` both.
    pub(super) fn final_norm(&self, x: &[f32]) -> Vec<f32> {
        norm(self.config.norm, self.config.norm_epsilon, x, &self.weights.output_norm)
    }

    /// The output projection: from final hidden states `[rows, d]` to logits `[rows, V]`.
    pub(super) fn logits(&self, hidden: &[f32]) -> Vec<f32> {
        self.weights.output.as_ref().unwrap_or(&self.weights.embedding).apply(hidden)
    }

    /// The embeddings of tokens, and of their positions where those have some: `[tokens, d]`.
    fn embed(&self, tokens: &[u32], position: usize) -> Vec<f32> {
        let mut x = Vec::with_capacity(tokens.len() * self.config.hidden);
        for token in tokens {
            self.weights.embedding.append_row(*token as usize, &mut x);
        }
        if let Some(positions) = &self.weights.positions {
            let mut embedded = Vec::with_capacity(x.len());
            (position..position + tokens.len()).for_each(|row| positions.append_row(row, &mut embedded));
            add(&mut x, &embedded);
        }
        x
    }

    /// Adds what a block has to say to the residual stream `x [tokens, d]`.
    fn run_block(
        &self,
        block: &Block<Matrix, Vec<f32>>,
        rotations: Option<&Rotations>,
        cache: &mut KvCache,
        x: &mut [f32],
    ) {
        let config = &self.config;
        let normed = norm(config.norm, config.norm_epsilon, x, &block.attention_norm);
        let mut queries = apply(&block.query, &normed);
        let mut keys = apply(&block.key, &normed);
        for (heads, weight) in [(&mut queries, &block.query_norm), (&mut keys, &block.key_norm)] {
            if let Some(weight) = weight {
                rms_norm(heads, weight, config.norm_epsilon);
            }
        }
        if let Some(rotations) = rotations {
            rotations.apply(&mut queries, config.heads);
            rotations.apply(&mut keys, config.kv_heads);
        }
        cache.append(&keys, &apply(&block.value, &normed));
        add(x, &apply(&block.attention_output, &cache.attend(config, &queries)));

        let normed = norm(config.norm, config.norm_epsilon, x, &block.feed_forward_norm);
        let mut inner = apply(&block.up, &normed);
        match (config.activation, &block.gate) {
            (Activation::GatedSilu, Some(gate)) => {
                let gates = apply(gate, &normed);
                inner.iter_mut().zip(gates).for_each(|(up, gate)| *up *= silu(gate));
            }
            _ => inner.iter_mut().for_each(|value| *value = gelu(*value)),
        }
        add(x, &apply(&block.down, &inner));
    }
}

/// `W x + b` for each row of `x`.
fn apply(linear: &Linear<Matrix, Vec<f32>>, x: &[f32]) -> Vec<f32> {
    let mut product = linear.weight.apply(x);
    if let Some(bias) = &linear.bias {
        product.chunks_mut(bias.len()).for_each(|row| add(row, bias));
    }
    product
}

fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}

/// GELU, by its approximation with tanh.
fn gelu(x: f32) -> f32 {
    let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}
