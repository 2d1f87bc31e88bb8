//! The forward pass of an encoder: attention and a feed-forward layer in turn, each followed by a norm.

use mome_backbone::{EncoderBlock, EncoderBlockShape, EncoderConfig, EncoderWeights, RerankerWeights};

use crate::TokenPair;
use crate::cpu::activation::gelu_erf;
use crate::cpu::attention::{KvCache, Sight};
use crate::cpu::linear::{Products, add};
use crate::cpu::matrix::Matrix;
use crate::cpu::norm::layer_norm;
use crate::cpu::threads::Processor;

type Block = EncoderBlock<Matrix, Vec<f32>>;

/// An encoder's weights, a reranker's where there is one, and what runs them.
pub(super) struct Model {
    pub config: EncoderConfig,
    pub processor: Processor,
    weights: EncoderWeights<Matrix, Vec<f32>>,
    pub ranker: Option<Ranker>,
}

/// A reranker's own weights.
pub(super) struct Ranker {
    /// How many of the encoder's blocks come before its own.
    pub first_layer: usize,
    pub block: EncoderBlockShape,
    pub weights: RerankerWeights<Matrix, Vec<f32>>,
}

/// Room for what is computed on the way, used again by each block and each batch.
#[derive(Default)]
pub(super) struct Workspace {
    /// The states of all tokens of a batch, text after text, `[tokens, d]`.
    pub x: Vec<f32>,
    pub products: Products,
    /// `[tokens, d]`
    queries: Vec<f32>,
    /// `[tokens, d]`
    keys: Vec<f32>,
    /// `[tokens, d]`
    values: Vec<f32>,
    /// Keys and values of one text.
    cache: Option<KvCache>,
    /// `[tokens, d]`
    attended: Vec<f32>,
    /// `[tokens, feed-forward]`
    inner: Vec<f32>,
    /// What a layer adds, `[tokens, d]`.
    added: Vec<f32>,
}

impl Model {
    /// Makes a model of weights.
    pub fn new(
        config: EncoderConfig,
        weights: EncoderWeights<Matrix, Vec<f32>>,
        ranker: Option<Ranker>,
        processor: Processor,
    ) -> Self {
        Self { config, processor, weights, ranker }
    }

    /// Runs all blocks of the encoder. Hands the states `[tokens, d]` to `observe` with their layer: 0 after the
    /// embedding, `l` after block `l`. Leaves the last in `room.x`.
    pub fn encode(
        &self,
        batch: &[TokenPair<'_>],
        room: &mut Workspace,
        mut observe: impl FnMut(usize, &[f32]),
    ) {
        self.embed(batch, room);
        observe(0, &room.x);
        for (index, block) in self.weights.blocks.iter().enumerate() {
            self.run_block(block, &self.config.block, batch, room);
            observe(index + 1, &room.x);
        }
    }

    /// Runs the encoder's lower blocks and then those of the reranker. Leaves the last states in `room.x`.
    pub fn compare(&self, ranker: &Ranker, batch: &[TokenPair<'_>], room: &mut Workspace) {
        self.embed(batch, room);
        for block in &self.weights.blocks[..ranker.first_layer] {
            self.run_block(block, &self.config.block, batch, room);
        }
        for block in &ranker.weights.blocks {
            self.run_block(block, &ranker.block, batch, room);
        }
    }

    /// The sums of the embeddings of tokens, positions and types, normed.
    fn embed(&self, batch: &[TokenPair<'_>], room: &mut Workspace) {
        let (embedding, width) = (&self.weights.embedding, self.config.block.hidden);
        let tokens: usize = batch.iter().map(|input| input.tokens.len()).sum();
        room.x.resize(tokens * width, 0.0);
        room.added.resize(width, 0.0);
        let mut rows = room.x.chunks_exact_mut(width);
        for TokenPair { tokens, second } in batch {
            for (position, (token, x)) in tokens.iter().zip(rows.by_ref()).enumerate() {
                embedding.tokens.copy_row(*token as usize, x);
                embedding.positions.copy_row(position, &mut room.added);
                add(x, &room.added);
                if let Some(types) = &embedding.types {
                    let kind = usize::from(position >= *second).min(types.rows() - 1);
                    types.copy_row(kind, &mut room.added);
                    add(x, &room.added);
                }
            }
        }
        layer_norm(self.processor.level, &mut room.x, &embedding.norm, self.config.block.norm_epsilon);
    }

    fn run_block(
        &self,
        block: &Block,
        shape: &EncoderBlockShape,
        batch: &[TokenPair<'_>],
        room: &mut Workspace,
    ) {
        let processor = &self.processor;
        let layers = [
            (&block.query, &mut room.queries),
            (&block.key, &mut room.keys),
            (&block.value, &mut room.values),
        ];
        room.products.linear(processor, &room.x, layers);
        self.attend(shape, batch, room);
        room.products.linear(processor, &room.attended, [(&block.attention_output, &mut room.added)]);
        add(&mut room.x, &room.added);
        layer_norm(processor.level, &mut room.x, &block.attention_norm, shape.norm_epsilon);

        room.products.linear(processor, &room.x, [(&block.up, &mut room.inner)]);
        gelu_erf(processor.level, &mut room.inner);
        room.products.linear(processor, &room.inner, [(&block.down, &mut room.added)]);
        add(&mut room.x, &room.added);
        layer_norm(processor.level, &mut room.x, &block.output_norm, shape.norm_epsilon);
    }

    /// Attention of each token to all tokens of its own text.
    fn attend(&self, shape: &EncoderBlockShape, batch: &[TokenPair<'_>], room: &mut Workspace) {
        let Workspace { queries, keys, values, cache, attended, .. } = room;
        attended.clear();
        attended.resize(queries.len(), 0.0);
        let cache = cache.get_or_insert_with(|| KvCache::new(shape.heads, shape.head_width()));
        let mut start = 0;
        for input in batch {
            let text = start..start + input.tokens.len() * shape.hidden;
            start = text.end;
            cache.clear();
            cache.append(&keys[text.clone()], &values[text.clone()]);
            let (queries, attended) = (&queries[text.clone()], &mut attended[text]);
            cache.attend(&self.processor, Sight::Both, shape.heads, queries, attended);
        }
    }
}
