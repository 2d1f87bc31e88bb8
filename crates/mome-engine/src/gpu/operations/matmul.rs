//! Operations that read a weight matrix: embedding, and matrix products with all that can be stored of them.

use wgpu::Buffer;

use super::{GROUP, Heads, Parameter, Rope, Rows};
use crate::gpu::kernels::{MatmulKernel, Store};
use crate::gpu::recorder::Recorder;
use crate::gpu::weights::{PANEL, RowChunk, Weights};

/// What a matrix product does with what its output holds.
#[derive(Clone, Copy)]
pub(in crate::gpu) enum Write {
    Replace,
    Add,
}

/// A matrix product with or without a bias.
#[derive(Clone, Copy)]
pub(in crate::gpu) struct Linear<'a> {
    pub weights: &'a Weights,
    /// A value for each row of the weights.
    pub bias: Option<&'a Buffer>,
}

impl<'a> From<&'a Weights> for Linear<'a> {
    fn from(weights: &'a Weights) -> Self {
        Self { weights, bias: None }
    }
}

impl<K> Recorder<'_, K> {
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
}

/// Bindings of a kernel that reads weights: theirs, then the others.
fn with_weights<'a>(chunk: &'a RowChunk, others: &[(u32, &'a Buffer)]) -> Vec<(u32, &'a Buffer)> {
    (1..).zip(&chunk.buffers).chain(others.iter().copied()).collect()
}
