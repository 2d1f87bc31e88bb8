//! The forward pass of a decoder-only transformer, as a backbone's configuration and weights describe it.

use mome_backbone::{Activation, Block, Config, Norm, Rope, Transformer};

use super::activation::{gated_gelu, gated_silu, gelu};
use super::attention::{KvCache, Sight};
use super::linear::{Products, add};
use super::matrix::Matrix;
use super::norm::{norm, rms_norm};
use super::rope::{Rotations, frequencies};
use super::threads::Processor;

/// A model's weights, and what runs it.
pub(super) struct Model {
    pub(super) config: Config,
    pub(super) processor: Processor,
    weights: Transformer<Matrix, Vec<f32>>,
    /// `[rope width / 2]`: by how much each pair turns from one position to the next; empty without RoPE.
    frequencies: Vec<f32>,
    /// The same for blocks that see the nearest tokens only, where there are any.
    local_frequencies: Option<Vec<f32>>,
}

/// Room for what is computed on the way, used again by each block and each pass.
#[derive(Default)]
pub(super) struct Workspace {
    /// The residual stream, `[tokens, d]`.
    pub(super) x: Vec<f32>,
    products: Products,
    /// `[tokens, d]`
    normed: Vec<f32>,
    /// `[tokens, heads * head width]`
    queries: Vec<f32>,
    /// `[tokens, KV heads * head width]`
    keys: Vec<f32>,
    /// `[tokens, KV heads * head width]`
    values: Vec<f32>,
    /// `[tokens, heads * head width]`
    attended: Vec<f32>,
    /// `[tokens, feed-forward]`
    gates: Vec<f32>,
    /// `[tokens, feed-forward]`
    inner: Vec<f32>,
    /// What a layer adds, `[tokens, d]`.
    added: Vec<f32>,
}

impl Model {
    /// Makes a model of weights.
    pub(super) fn new(config: Config, weights: Transformer<Matrix, Vec<f32>>, processor: Processor) -> Self {
        let with_base = |base: Option<f32>| {
            let rope = config.rope?;
            let rope = Rope { base: base.unwrap_or(rope.base), ..rope };
            Some(frequencies(rope, weights.rope_factors.as_deref()))
        };
        let local_frequencies = config.local.and_then(|local| with_base(Some(local.rope_base)));
        let frequencies = with_base(None).unwrap_or_default();
        Self { config, processor, weights, frequencies, local_frequencies }
    }

    /// Runs tokens after those in the caches, one cache a block. Hands the residual stream `[tokens, d]` to
    /// `observe` with its layer: 0 after the embedding, `l` after block `l`. Leaves the last in `room.x`.
    pub(super) fn run(
        &self,
        tokens: &[u32],
        position: usize,
        caches: &mut [KvCache],
        room: &mut Workspace,
        mut observe: impl FnMut(usize, &[f32]),
    ) {
        self.embed(tokens, position, room);
        observe(0, &room.x);
        if tokens.is_empty() {
            (1..=self.config.layers).for_each(|layer| observe(layer, &[]));
            return;
        }
        let rotations = |frequencies: &[f32]| {
            let positions = position..position + tokens.len();
            self.config.rope.map(|rope| Rotations::new(rope, self.config.head_width, frequencies, positions))
        };
        let local_rotations = self.local_frequencies.as_deref().and_then(rotations);
        let rotations = rotations(&self.frequencies);
        for (index, (block, cache)) in self.weights.blocks.iter().zip(caches).enumerate() {
            let local = self.config.local_attention(index);
            let rotations = if local.is_some() { &local_rotations } else { &rotations };
            let sight = local.map_or(Sight::Causal, |local| Sight::Window(local.window));
            self.attend(block, rotations.as_ref(), sight, cache, room);
            self.feed_forward(block, room);
            observe(index + 1, &room.x);
        }
    }

    /// The last norm: from the residual stream after the last block to final hidden states, `[rows, d]` both.
    pub(super) fn final_norm(&self, x: &[f32]) -> Vec<f32> {
        let mut hidden = Vec::new();
        norm(self.processor.level, &self.config, x, &self.weights.output_norm, &mut hidden);
        hidden
    }

    /// The output projection: from final hidden states `[rows, d]` to logits `[rows, V]`.
    pub(super) fn logits(&self, hidden: &[f32], room: &mut Workspace, logits: &mut Vec<f32>) {
        let output = self.weights.output.as_ref().unwrap_or(&self.weights.embedding);
        room.products.matrix(&self.processor, hidden, output, logits);
    }

    /// The embeddings of tokens, and of their positions where those have some: `x [tokens, d]`.
    fn embed(&self, tokens: &[u32], position: usize, room: &mut Workspace) {
        let width = self.config.hidden;
        room.x.resize(tokens.len() * width, 0.0);
        for (token, x) in tokens.iter().zip(room.x.chunks_exact_mut(width)) {
            self.weights.embedding.copy_row(*token as usize, x);
            if self.config.embedding_scale != 1.0 {
                x.iter_mut().for_each(|x| *x *= self.config.embedding_scale);
            }
        }
        if let Some(positions) = &self.weights.positions {
            room.added.resize(width, 0.0);
            for (index, x) in room.x.chunks_exact_mut(width).enumerate() {
                positions.copy_row(position + index, &mut room.added);
                add(x, &room.added);
            }
        }
    }

    /// Adds to the residual stream what attention has to say.
    fn attend(
        &self,
        block: &Block<Matrix, Vec<f32>>,
        rotations: Option<&Rotations>,
        sight: Sight,
        cache: &mut KvCache,
        room: &mut Workspace,
    ) {
        let (config, processor) = (&self.config, &self.processor);
        norm(processor.level, config, &room.x, &block.attention_norm, &mut room.normed);
        let layers = [
            (&block.query, &mut room.queries),
            (&block.key, &mut room.keys),
            (&block.value, &mut room.values),
        ];
        room.products.linear(processor, &room.normed, layers);
        for (heads, weight) in [(&mut room.queries, &block.query_norm), (&mut room.keys, &block.key_norm)] {
            if let Some(weight) = weight {
                rms_norm(processor.level, heads, weight, config.norm_epsilon);
            }
        }
        if let Some(rotations) = rotations {
            rotations.apply(&mut room.queries, config.heads);
            rotations.apply(&mut room.keys, config.kv_heads);
        }
        cache.append(&room.keys, &room.values);
        room.attended.clear();
        room.attended.resize(room.queries.len(), 0.0);
        cache.attend(processor, sight, config.heads, &room.queries, &mut room.attended);
        let layers = [(&block.attention_output, &mut room.added)];
        room.products.linear(processor, &room.attended, layers);
        self.add(block.attention_post_norm.as_ref(), room);
    }

    /// Adds to the residual stream what the feed-forward layer has to say.
    fn feed_forward(&self, block: &Block<Matrix, Vec<f32>>, room: &mut Workspace) {
        let (config, processor) = (&self.config, &self.processor);
        norm(processor.level, config, &room.x, &block.feed_forward_norm, &mut room.normed);
        match (config.activation, &block.gate) {
            (activation, Some(gate)) => {
                let layers = [(gate, &mut room.gates), (&block.up, &mut room.inner)];
                room.products.linear(processor, &room.normed, layers);
                match activation {
                    Activation::GatedGelu => {
                        gated_gelu(processor.level, &mut room.gates, &mut room.inner);
                    }
                    _ => gated_silu(processor.level, &room.gates, &mut room.inner),
                }
            }
            _ => {
                room.products.linear(processor, &room.normed, [(&block.up, &mut room.inner)]);
                gelu(processor.level, &mut room.inner);
            }
        }
        room.products.linear(processor, &room.inner, [(&block.down, &mut room.added)]);
        self.add(block.feed_forward_post_norm.as_ref(), room);
    }

    /// Adds what a layer has to say, normed where it is to be.
    fn add(&self, norm_before: Option<&Norm<Vec<f32>>>, room: &mut Workspace) {
        match norm_before {
            Some(weights) => {
                norm(self.processor.level, &self.config, &room.added, weights, &mut room.normed);
                add(&mut room.x, &room.normed);
            }
            None => add(&mut room.x, &room.added),
        }
    }
}
