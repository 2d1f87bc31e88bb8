//! The operations of a forward pass: each gives one kernel its parameters, bindings and grid.
//!
//! Parameters come in the order of `Params` in the shader of the same name.

use wgpu::Buffer;

use super::kernels::MATMUL_TOKENS;
use super::recorder::Recorder;
use super::weights::{RowChunk, Weights};
use crate::AttentionParameters;

/// Invocations of a workgroup in the kernels that have one for each output.
const GROUP: usize = 64;

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

/// The shape of multi-head attention: several query heads may share a key and value head.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub query_heads: usize,
    pub kv_heads: usize,
    /// Columns of one head.
    pub width: usize,
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
            let parameters = [columns4, weights.blocks, tokens.first, chunk.rows.start, chunk.rows.len()];
            self.dispatch(
                &weights.kernels.embed,
                &parameters.map(Parameter::word),
                &with_weights(chunk, &[(3, tokens.buffer), (4, output)]),
                [columns4.div_ceil(GROUP), count, 1],
            );
        }
    }

    /// `output[t] = weights input[t] + bias`, or that added to the output, for `count` rows of the input. `bias` has
    /// a value for each row of the weights.
    pub fn matmul(
        &mut self,
        (weights, bias): (&Weights, Option<&Buffer>),
        input: Rows<'_>,
        output: Rows<'_>,
        count: usize,
        write: Write,
    ) {
        let kernels = &weights.kernels;
        let (kernel, tokens) =
            if count == 1 { (&kernels.matmul_one, 1) } else { (&kernels.matmul_four, MATMUL_TOKENS) };
        let flags = match write {
            Write::Replace => 0,
            Write::Add => 1,
        } + if bias.is_some() { 2 } else { 0 };
        for chunk in &weights.chunks {
            let parameters = [
                count,
                chunk.rows.len(),
                weights.blocks,
                weights.columns / 4,
                input.first,
                output.first,
                weights.rows,
                chunk.rows.start,
                flags,
            ];
            let bias = bias.unwrap_or(input.buffer);
            let bindings = with_weights(chunk, &[(3, input.buffer), (4, output.buffer), (5, bias)]);
            let groups = [chunk.rows.len().div_ceil(kernels.lanes.rows()), 1, count.div_ceil(tokens)];
            self.dispatch(kernel, &parameters.map(Parameter::word), &bindings, groups);
        }
    }

    /// RMSNorm of `rows` rows as wide as the buffer `weight`, `[columns]`.
    pub fn rms_norm(
        &mut self,
        (weight, columns): (&Buffer, usize),
        epsilon: f32,
        input: &Buffer,
        output: &Buffer,
        rows: usize,
    ) {
        self.dispatch(
            &self.kernels.rms_norm,
            &[(columns / 4).word(), epsilon.word()],
            &[(1, weight), (2, input), (3, output)],
            [rows, 1, 1],
        );
    }

    /// Rotates the first `pairs` pairs of each of `heads` heads, in place, in `count` rows of `values`.
    pub fn rope(
        &mut self,
        rotations: Rows<'_>,
        pairs: usize,
        values: Rows<'_>,
        (heads, head_width): (usize, usize),
        count: usize,
    ) {
        let parameters = [heads, head_width / 2, pairs, rotations.first, values.first].map(Parameter::word);
        let bindings = [(1, rotations.buffer), (2, values.buffer)];
        self.dispatch(
            &self.kernels.rope,
            &parameters,
            &bindings,
            [(heads * pairs).div_ceil(GROUP), count, 1],
        );
    }

    /// Causal attention of `count` queries, the first at `first_position`, over the KV cache.
    pub fn attention(
        &mut self,
        heads: Heads,
        queries: &Buffer,
        (keys, values): (&Buffer, &Buffer),
        output: &Buffer,
        (first_position, count): (usize, usize),
    ) {
        let parameters = [
            first_position.word(),
            heads.query_heads.word(),
            heads.kv_heads.word(),
            (heads.width / 4).word(),
            (heads.width as f32).sqrt().recip().word(),
        ];
        let bindings = [(1, queries), (2, keys), (3, values), (4, output)];
        self.dispatch(&self.kernels.attention, &parameters, &bindings, [heads.query_heads, count, 1]);
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
