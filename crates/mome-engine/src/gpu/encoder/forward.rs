//! The forward pass: from token ids to the states after the last block, and to logits of pairs.

use mome_backbone::EncoderBlockShape;
use wgpu::Buffer;

use super::model::{Block, Model, Ranker, bias, heads, norm};
use super::{EncoderKernels, Pass};
use crate::EngineError;
use crate::gpu::operations::{Columns, Linear, Pool, Rope, Rows, Write};
use crate::gpu::recorder::Recorder;

/// What the blocks work on, for all tokens of a batch.
pub(super) struct Activations {
    /// `[tokens, d]`: what a block leaves.
    pub states: Buffer,
    /// `[tokens, d]`: what attention leaves within a block.
    middle: Buffer,
    /// `[tokens, d]` each: queries, keys, values, and what comes of them.
    attention: [Buffer; 4],
    /// `[tokens, feed-forward]`
    inner: Buffer,
}

impl Activations {
    /// # Errors
    /// [`EngineError::Gpu`] where so many tokens are more than a buffer holds.
    pub fn new(
        recorder: &mut Recorder<'_, EncoderKernels>,
        model: &Model,
        tokens: usize,
    ) -> Result<Self, EngineError> {
        let EncoderBlockShape { hidden, feed_forward, .. } = model.shape;
        let upper = model.ranker.as_ref().map_or(0, |ranker| ranker.shape.feed_forward);
        let mut buffer = |label, columns| recorder.storage(label, tokens, columns);
        Ok(Self {
            states: buffer("states", hidden)?,
            middle: buffer("middle", hidden)?,
            attention: [
                buffer("queries", hidden)?,
                buffer("keys", hidden)?,
                buffer("values", hidden)?,
                buffer("attended", hidden)?,
            ],
            inner: buffer("inner", feed_forward.max(upper))?,
        })
    }
}

impl Pass<'_, '_> {
    /// Records all blocks of the encoder. Tells `observe` when the states of a layer are there: 0 after the embedding,
    /// `l` after block `l`.
    pub fn encode(&mut self, mut observe: impl FnMut(&mut Self, usize)) {
        self.embed();
        observe(self, 0);
        let model = self.model;
        for (index, block) in model.blocks.iter().enumerate() {
            self.run_block(block, &model.shape);
            observe(self, index + 1);
        }
    }

    /// Records the encoder's lower blocks, those of the reranker, and its head. Gives the logits, `[texts, 3]`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where something is more than a buffer holds.
    pub fn rank(&mut self, ranker: &Ranker) -> Result<Buffer, EngineError> {
        self.embed();
        let model = self.model;
        for block in &model.blocks[..ranker.first_layer] {
            self.run_block(block, &model.shape);
        }
        for block in &ranker.blocks {
            self.run_block(block, &ranker.shape);
        }
        let (texts, width, rank_width) = (self.inputs.texts, model.shape.hidden, ranker.hidden.rows);
        let features = self.recorder.storage("features", texts, 2 * width)?;
        let hidden = self.recorder.storage("rank hidden", texts, rank_width)?;
        let logits = self.recorder.storage("rank logits", texts, ranker.output.rows)?;
        for (pool, first) in [(Pool::First, 0), (Pool::Mean, width)] {
            self.pool(pool, Columns { buffer: &features, all: 2 * width, first });
        }
        let layer = Linear { weights: &ranker.hidden, bias: bias(&ranker.vectors.hidden) };
        self.recorder.matmul(layer, Rows::all(&features), Rows::all(&hidden), texts, Write::Replace);
        self.recorder.gelu_erf(&hidden, texts, rank_width);
        let layer = Linear { weights: &ranker.output, bias: bias(&ranker.vectors.output) };
        self.recorder.matmul(layer, Rows::all(&hidden), Rows::all(&logits), texts, Write::Replace);
        Ok(logits)
    }

    /// Pools the states of each text.
    pub fn pool(&mut self, pool: Pool, output: Columns<'_>) {
        let states = (&self.activations.states, self.model.shape.hidden);
        self.recorder.pool(pool, &self.inputs.ranges, states, output, self.inputs.texts);
    }

    /// The sums of the embeddings of tokens, positions and types, normed.
    fn embed(&mut self) {
        let Self { recorder, model, inputs, activations } = self;
        let (count, width) = (inputs.tokens, model.shape.hidden);
        let sums = &activations.middle;
        recorder.embed(&model.tokens, Rows::all(&inputs.ids), sums, count);
        recorder.add_embeddings(&inputs.places, (&model.positions, &model.types), sums, (count, width));
        let norm = norm(&model.shape, &model.embedding_norm);
        recorder.norm(norm, sums, &activations.states, (count, width));
    }

    /// `middle = norm(states + W_o attention(states))`, `states = norm(middle + W_down gelu(W_up middle))`.
    fn run_block(&mut self, block: &Block, shape: &EncoderBlockShape) {
        let Self { recorder, inputs, activations, .. } = self;
        let Activations { states, middle, attention, inner } = activations;
        let [queries, keys, values, attended] = attention.each_ref();
        let Block { matrices, vectors, qkv_bias } = block;
        let (count, heads) = (inputs.tokens, heads(shape));

        let qkv = Linear { weights: &matrices.qkv, bias: qkv_bias.as_ref() };
        // Nothing is rotated, so no rotation is read.
        let rope = Rope { rotations: Rows::all(&inputs.places), pairs: 0 };
        recorder.qkv(qkv, (states, count), (heads, rope), queries, (Rows::all(keys), values));
        recorder.text_attention(heads, &inputs.places, [queries, keys, values, attended], count);
        let output = Linear { weights: &matrices.attention_output, bias: bias(&vectors.attention_output) };
        recorder.matmul(output, Rows::all(attended), Rows::all(states), count, Write::Add);
        let shape_of = (count, shape.hidden);
        recorder.norm(norm(shape, &vectors.attention_norm), states, middle, shape_of);

        let up = Linear { weights: &matrices.up, bias: bias(&vectors.up) };
        recorder.matmul(up, Rows::all(middle), Rows::all(inner), count, Write::Replace);
        recorder.gelu_erf(inner, count, shape.feed_forward);
        let down = Linear { weights: &matrices.down, bias: bias(&vectors.down) };
        recorder.matmul(down, Rows::all(inner), Rows::all(middle), count, Write::Add);
        recorder.norm(norm(shape, &vectors.output_norm), middle, states, shape_of);
    }
}
