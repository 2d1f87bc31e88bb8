//! The operations of a forward pass: each gives one kernel its parameters, bindings and grid.
//!
//! Parameters come in the order of `Params` in the shader of the same name.

use mome_backbone::Config;
use mome_backbone::RopePairs;
use wgpu::Buffer;

use super::kernels::{Lanes, MatmulKernel, Store};
use super::recorder::Recorder;
use super::weights::{PANEL, RowChunk, Weights};
use crate::AttentionParameters;

/// Invocations of a workgroup in the kernels that have one for each output.
const GROUP: usize = 64;

/// The most tokens whose attention is split over the keys: with more, there is work enough without.
const SPLIT_TOKENS: usize = 8;

/// How many keys a part of attention should have, where that makes no more than [`MAX_PARTS`] parts.
fn part_keys(lanes: Lanes) -> usize {
    match lanes {
        Lanes::Alone => 16,
        Lanes::Together => 64,
    }
}

const MAX_PARTS: usize = 32;

/// How many values of four bytes [`Recorder::attention`] needs room for besides its output.
pub(super) fn attention_scratch(heads: Heads) -> usize {
    SPLIT_TOKENS * heads.query_heads * MAX_PARTS * (heads.width + 4)
}

/// Rows of a buffer, from `first` on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub buffer: &'a Buffer,
    pub first: usize,
}

impl<'a> Rows<'a> {
    /// All rows of a buffer.
    pub fn all(buffer: &'a Buffer) -> Self {
        Self { buffer, first: 0 }
    }
}

/// What a matrix product does with what its output holds.
#[derive(Clone, Copy)]
pub(super) enum Write {
    Replace,
    Add,
}

/// A matrix product with or without a bias.
#[derive(Clone, Copy)]
pub(super) struct Linear<'a> {
    pub weights: &'a Weights,
    /// A value for each row of the weights.
    pub bias: Option<&'a Buffer>,
}

impl<'a> From<&'a Weights> for Linear<'a> {
    fn from(weights: &'a Weights) -> Self {
        Self { weights, bias: None }
    }
}

/// A norm with its weights, each `[columns]`.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub weight: &'a Buffer,
    /// LayerNorm has one, RMSNorm has none.
    pub bias: Option<&'a Buffer>,
    pub epsilon: f32,
}

impl<'a> Norm<'a> {
    /// RMSNorm.
    pub fn rms(weight: &'a Buffer, epsilon: f32) -> Self {
        Self { weight, bias: None, epsilon }
    }
}

/// Rotary position embedding.
#[derive(Clone, Copy)]
pub(super) struct Rope<'a> {
    /// Cosine and sine of the angles, `[tokens, pairs]`.
    pub rotations: Rows<'a>,
    /// Pairs of a head that are rotated, the first ones.
    pub pairs: usize,
}

/// The shape of multi-head attention: several query heads may share a key and value head.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub query_heads: usize,
    pub kv_heads: usize,
    /// Columns of one head.
    pub width: usize,
}

impl Heads {
    /// Those of a backbone.
    pub fn of(config: &Config) -> Self {
        Self { query_heads: config.heads, kv_heads: config.kv_heads, width: config.head_width }
    }
}

/// The buffers of attention to memory: see `shaders/memory_attention.wgsl` and `memory_add.wgsl`.
pub(super) struct MemoryBuffers {
    pub slots: usize,
    pub runs: usize,
    pub keys: Buffer,
    pub slot_table: Buffer,
    pub run_table: Buffer,
    pub contributions: Buffer,
    pub leading: Buffer,
}

/// Consecutive rows of the head whose logits are at hand.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    /// `[count, vocabulary]`.
    pub logits: &'a Buffer,
    pub vocabulary: usize,
    /// Which row of the head the first one is.
    pub first_row: usize,
    pub count: usize,
}

impl Recorder<'_> {
    /// `output[t] = weights[tokens[first + t]]` for `count` tokens.
    pub fn embed(&mut self, weights: &Weights, tokens: Rows<'_>, output: &Buffer, count: usize) {
        let columns4 = weights.columns / 4;
        for chunk in &weights.chunks {
            let parameters = [columns4, chunk.blocks, tokens.first, chunk.rows.start, chunk.rows.len()];
            self.dispatch(
                chunk.kernels.embed(),
                &parameters.map(Parameter::word),
                &with_weights(chunk, &[(3, tokens.buffer), (4, output)]),
                [columns4.div_ceil(GROUP), count, 1],
            );
        }
    }

    /// `output[t] = weights input[t] + bias`, or that added to the output, for `count` rows of the input.
    pub fn matmul(
        &mut self,
        Linear { weights, bias }: Linear<'_>,
        input: Rows<'_>,
        output: Rows<'_>,
        count: usize,
        write: Write,
    ) {
        let add = match write {
            Write::Replace => 0,
            Write::Add => 1,
        };
        let parameters = [output.first, add, bias.is_some().into()];
        let bindings = [(4, output.buffer), (5, bias.unwrap_or(input.buffer))];
        for chunk in &weights.chunks {
            self.multiply(weights, chunk, Store::Rows, (input, count), &parameters, &bindings);
        }
    }

    /// `output[t] = silu(gate input[t]) * (up input[t])` for `count` rows, with the weights of
    /// [`Weights::pair`].
    pub fn swiglu_matmul(&mut self, pair: &Weights, input: &Buffer, output: &Buffer, count: usize) {
        for chunk in &pair.chunks {
            let parameters = [chunk.rows.start, chunk.rows.end, pair.rows];
            let input = (Rows::all(input), count);
            self.multiply(pair, chunk, Store::Swiglu, input, &parameters, &[(4, output)]);
        }
    }

    /// Queries, keys and values of `count` rows of the input: `linear` has the rows of all three, one below the
    /// other. Queries are turned and written to a buffer, keys are turned and go to the KV cache with the values.
    pub fn qkv(
        &mut self,
        Linear { weights, bias }: Linear<'_>,
        (input, count): (&Buffer, usize),
        (heads, rope): (Heads, Rope<'_>),
        queries: &Buffer,
        (keys, values): (Rows<'_>, &Buffer),
    ) {
        let parameters = [
            heads.query_heads * heads.width,
            heads.kv_heads * heads.width,
            heads.width,
            2 * rope.pairs,
            rope.rotations.first,
            keys.first,
            bias.is_some().into(),
        ];
        let bias = bias.unwrap_or(input);
        let bindings = [(4, queries), (5, bias), (6, keys.buffer), (7, values), (8, rope.rotations.buffer)];
        for chunk in &weights.chunks {
            self.multiply(weights, chunk, Store::Qkv, (Rows::all(input), count), &parameters, &bindings);
        }
    }

    /// Multiplies a chunk of weights with `count` rows of the input.
    fn multiply(
        &mut self,
        weights: &Weights,
        chunk: &RowChunk,
        store: Store,
        (input, count): (Rows<'_>, usize),
        store_parameters: &[usize],
        store_bindings: &[(u32, &Buffer)],
    ) {
        let MatmulKernel { kernel, rows: group_rows, tokens } = chunk.kernels.matmul(store).choose(count);
        let rows = chunk.rows.len();
        // Of the panels: a pair of matrices has its own for each.
        let chunk_rows = if store == Store::Swiglu { 2 * rows.next_multiple_of(PANEL) } else { rows };
        let common = [
            count,
            input.first,
            weights.columns / 4,
            chunk.blocks,
            chunk_rows,
            chunk.rows.start,
            weights.rows,
            0,
        ];
        let parameters: Vec<u32> = common.iter().chain(store_parameters).map(|word| word.word()).collect();
        let others: Vec<_> = [(3, input.buffer)].iter().chain(store_bindings).copied().collect();
        let groups = [chunk_rows.div_ceil(*group_rows), 1, count.div_ceil(*tokens)];
        self.dispatch(kernel, &parameters, &with_weights(chunk, &others), groups);
    }

    /// The norm of each row of the input, `[rows, columns]`.
    pub fn norm(&mut self, norm: Norm<'_>, input: &Buffer, output: &Buffer, (rows, columns): (usize, usize)) {
        let Norm { weight, bias, epsilon } = norm;
        self.dispatch(
            &self.kernels.norm,
            &[(columns / 4).word(), epsilon.word(), bias.is_some().into()],
            &[(1, weight), (2, bias.unwrap_or(weight)), (3, input), (4, output)],
            [rows, 1, 1],
        );
    }

    /// In `count` rows of `values`: RMSNorm of each of `heads` heads, where there is one, and rotary position
    /// embedding.
    pub fn head_norm_rope(
        &mut self,
        norm: Option<Norm<'_>>,
        (rope, pairs): (Rope<'_>, RopePairs),
        values: Rows<'_>,
        (heads, head_width): (usize, usize),
        count: usize,
    ) {
        let apart = match pairs {
            RopePairs::Interleaved => 0,
            RopePairs::HalfSplit => 1,
        };
        let shape = [heads, head_width, rope.pairs, apart, rope.rotations.first, values.first];
        let norm_parameters = [norm.is_some().into(), norm.map_or(0.0, |norm| norm.epsilon).word()];
        let parameters: Vec<u32> = shape.map(Parameter::word).into_iter().chain(norm_parameters).collect();
        let weight = norm.map_or(rope.rotations.buffer, |norm| norm.weight);
        let bindings = [(1, weight), (2, rope.rotations.buffer), (3, values.buffer)];
        self.dispatch(
            &self.kernels.head_norm_rope,
            &parameters,
            &bindings,
            [heads.div_ceil(GROUP), count, 1],
        );
    }

    /// Causal attention of `count` queries, the first at `first_position`, over the KV cache. `partial` has room for
    /// [`attention_scratch`] values.
    pub fn attention(
        &mut self,
        heads: Heads,
        queries: &Buffer,
        (keys, values): (&Buffer, &Buffer),
        (output, partial): (&Buffer, &Buffer),
        (first_position, count): (usize, usize),
    ) {
        let positions = first_position + count;
        let parts = if count <= SPLIT_TOKENS {
            (positions / part_keys(self.kernels.lanes)).clamp(1, MAX_PARTS)
        } else {
            1
        };
        let parameters = [
            count.word(),
            first_position.word(),
            heads.query_heads.word(),
            heads.kv_heads.word(),
            (heads.width / 4).word(),
            (heads.width as f32).sqrt().recip().word(),
            parts.word(),
            positions.div_ceil(parts).word(),
        ];
        let target = if parts == 1 { output } else { partial };
        let bindings = [(1, queries), (2, keys), (3, values), (4, target)];
        let groups = match self.kernels.lanes {
            Lanes::Alone => [(heads.query_heads * parts * count).div_ceil(8), 1, 1],
            Lanes::Together => [heads.query_heads, count, parts],
        };
        self.dispatch(&self.kernels.attention, &parameters, &bindings, groups);
        if parts > 1 {
            let rows = count * heads.query_heads;
            self.dispatch(
                &self.kernels.attention_merge,
                &[rows, parts, heads.width / 4].map(Parameter::word),
                &[(1, partial), (2, output)],
                [(rows * heads.width / 4).div_ceil(GROUP), 1, 1],
            );
        }
    }

    /// `gate = silu(gate) * up`, both `[rows, columns]`.
    pub fn swiglu(&mut self, gate: &Buffer, up: &Buffer, rows: usize, columns: usize) {
        let columns4 = columns / 4;
        self.dispatch(
            &self.kernels.swiglu,
            &[columns4.word()],
            &[(1, up), (2, gate)],
            [columns4.div_ceil(GROUP), rows, 1],
        );
    }

    /// GELU in place, of `[rows, columns]`.
    pub fn gelu(&mut self, values: &Buffer, rows: usize, columns: usize) {
        let columns4 = columns / 4;
        self.dispatch(
            &self.kernels.gelu,
            &[columns4.word()],
            &[(1, values)],
            [columns4.div_ceil(GROUP), rows, 1],
        );
    }

    /// `values[t] += positions[first + t]` for `count` rows of `columns` columns.
    pub fn add_positions(&mut self, positions: Rows<'_>, values: &Buffer, count: usize, columns: usize) {
        let columns4 = columns / 4;
        self.dispatch(
            &self.kernels.add_positions,
            &[columns4, positions.first].map(Parameter::word),
            &[(1, positions.buffer), (2, values)],
            [columns4.div_ceil(GROUP), count, 1],
        );
    }

    /// What each slot adds to its token's logit, and which slot leads, for `rows` rows of the head.
    pub fn memory_attention(
        &mut self,
        parameters: &AttentionParameters,
        memory: &MemoryBuffers,
        queries: Rows<'_>,
        rows: usize,
    ) {
        let AttentionParameters { beta, gamma, null, margin } = *parameters;
        let first = queries.first;
        self.dispatch(
            &self.kernels.memory_attention,
            &[memory.slots.word(), beta.word(), gamma.word(), null.word(), margin.word(), first.word()],
            &[
                (1, queries.buffer),
                (2, &memory.keys),
                (3, &memory.slot_table),
                (4, &memory.contributions),
                (5, &memory.leading),
            ],
            [rows, 1, 1],
        );
    }

    /// Adds the slots' contributions to the logits of a chunk.
    pub fn memory_add(&mut self, memory: &MemoryBuffers, chunk: Chunk<'_>) {
        self.dispatch(
            &self.kernels.memory_add,
            &[memory.slots, memory.runs, chunk.vocabulary, chunk.first_row].map(Parameter::word),
            &[(1, &memory.contributions), (2, &memory.leading), (3, &memory.run_table), (4, chunk.logits)],
            [memory.runs.div_ceil(GROUP), chunk.count, 1],
        );
    }

    /// The best token of each row of a chunk, with its logit and the log of the sum.
    pub fn predict(&mut self, chunk: Chunk<'_>, predictions: &Buffer) {
        self.dispatch(
            &self.kernels.predict,
            &[chunk.vocabulary, chunk.first_row].map(Parameter::word),
            &[(1, chunk.logits), (2, predictions)],
            [chunk.count, 1, 1],
        );
    }

    /// The logits of `count` watched `tokens` in each row of a chunk.
    pub fn watch(&mut self, chunk: Chunk<'_>, (tokens, count): (&Buffer, usize), watched: &Buffer) {
        self.dispatch(
            &self.kernels.watch,
            &[count, chunk.vocabulary, chunk.first_row].map(Parameter::word),
            &[(1, chunk.logits), (2, tokens), (3, watched)],
            [count.div_ceil(GROUP), chunk.count, 1],
        );
    }
}

/// Bindings of a kernel that reads weights: theirs, then the others.
fn with_weights<'a>(chunk: &'a RowChunk, others: &[(u32, &'a Buffer)]) -> Vec<(u32, &'a Buffer)> {
    (1..).zip(&chunk.buffers).chain(others.iter().copied()).collect()
}

/// A parameter of a kernel as the word that its uniform holds.
trait Parameter {
    fn word(self) -> u32;
}

impl Parameter for usize {
    fn word(self) -> u32 {
        // Shapes and positions are far below 2^32: buffers hold at most 2^27 bytes.
        self as u32
    }
}

impl Parameter for f32 {
    fn word(self) -> u32 {
        self.to_bits()
    }
}
