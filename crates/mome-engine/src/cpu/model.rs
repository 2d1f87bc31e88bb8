//! The llama architecture: RMSNorm, attention with RoPE, SwiGLU (arXiv 2302.13971).

use std::sync::Arc;

use mome_backbone::{Backbone, Config};

use super::attention::KvCache;
use super::matrix::{Matrix, load_vector};
use super::rope::Rotations;
use super::simd::dot;
use crate::EngineError;

/// A model's weights.
pub(super) struct Model {
    pub(super) config: Config,
    embedding: Matrix,
    blocks: Vec<Block>,
    norm: Vec<f32>,
    /// None where the embedding serves.
    output: Option<Matrix>,
}

/// The weights of one transformer block.
struct Block {
    attention_norm: Vec<f32>,
    query: Matrix,
    key: Matrix,
    value: Matrix,
    attention_output: Matrix,
    feed_forward_norm: Vec<f32>,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

impl Model {
    /// Finds the weights in a backbone and checks their shapes.
    pub(super) fn load(backbone: &Arc<Backbone>) -> Result<Self, EngineError> {
        let config = backbone.config().clone();
        let Config { hidden, vocabulary, .. } = config;
        let output = match config.tied {
            true => None,
            false => Some(Matrix::load(backbone, "output.weight", vocabulary, hidden)?),
        };
        Ok(Self {
            embedding: Matrix::load(backbone, "token_embd.weight", vocabulary, hidden)?,
            blocks: (0..config.layers).map(|index| Block::load(backbone, index)).collect::<Result<_, _>>()?,
            norm: load_vector(backbone, "output_norm.weight", hidden)?,
            output,
            config,
        })
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
        let mut x = Vec::with_capacity(tokens.len() * self.config.hidden);
        for token in tokens {
            self.embedding.append_row(*token as usize, &mut x);
        }
        observe(0, &x);
        let rotations = Rotations::new(&self.config, position..position + tokens.len());
        for (index, (block, cache)) in self.blocks.iter().zip(caches).enumerate() {
            block.run(&self.config, &rotations, cache, &mut x);
            observe(index + 1, &x);
        }
        x
    }

    /// The last norm: from the residual stream after the last block to final hidden states, `[rows, d]` both.
    pub(super) fn final_norm(&self, x: &[f32]) -> Vec<f32> {
        rms_norm(x, &self.norm, self.config.rms_epsilon)
    }

    /// The output projection: from final hidden states `[rows, d]` to logits `[rows, V]`.
    pub(super) fn logits(&self, hidden: &[f32]) -> Vec<f32> {
        self.output.as_ref().unwrap_or(&self.embedding).apply(hidden)
    }
}

impl Block {
    fn load(backbone: &Backbone, index: usize) -> Result<Self, EngineError> {
        let Config { hidden, heads, kv_heads, head_width, feed_forward, .. } = *backbone.config();
        let (width, kv_width) = (heads * head_width, kv_heads * head_width);
        let name = |part: &str| format!("blk.{index}.{part}.weight");
        let matrix = |part: &str, rows, columns| Matrix::load(backbone, &name(part), rows, columns);
        Ok(Self {
            attention_norm: load_vector(backbone, &name("attn_norm"), hidden)?,
            query: matrix("attn_q", width, hidden)?,
            key: matrix("attn_k", kv_width, hidden)?,
            value: matrix("attn_v", kv_width, hidden)?,
            attention_output: matrix("attn_output", hidden, width)?,
            feed_forward_norm: load_vector(backbone, &name("ffn_norm"), hidden)?,
            gate: matrix("ffn_gate", feed_forward, hidden)?,
            up: matrix("ffn_up", feed_forward, hidden)?,
            down: matrix("ffn_down", hidden, feed_forward)?,
        })
    }

    /// Adds what the block has to say to the residual stream `x [tokens, d]`.
    fn run(&self, config: &Config, rotations: &Rotations, cache: &mut KvCache, x: &mut [f32]) {
        let normed = rms_norm(x, &self.attention_norm, config.rms_epsilon);
        let mut queries = self.query.apply(&normed);
        let mut keys = self.key.apply(&normed);
        rotations.apply(&mut queries, config.heads);
        rotations.apply(&mut keys, config.kv_heads);
        cache.append(&keys, &self.value.apply(&normed));
        add(x, &self.attention_output.apply(&cache.attend(config, &queries)));

        let normed = rms_norm(x, &self.feed_forward_norm, config.rms_epsilon);
        let mut gate = self.gate.apply(&normed);
        for (gate, up) in gate.iter_mut().zip(self.up.apply(&normed)) {
            *gate = silu(*gate) * up;
        }
        add(x, &self.down.apply(&gate));
    }
}

/// RMSNorm of each row of `x [tokens, d]`.
fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32) -> Vec<f32> {
    let mut normed = Vec::with_capacity(x.len());
    for row in x.chunks(weight.len()) {
        let mean_square = dot::<false>(row, row) / row.len() as f32;
        let scale = 1.0 / (mean_square + epsilon).sqrt();
        normed.extend(row.iter().zip(weight).map(|(value, weight)| value * scale * weight));
    }
    normed
}

fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}
