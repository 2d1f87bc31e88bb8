//! The head's operations: attention to memory, and prediction from logits.

use wgpu::Buffer;

use super::{GROUP, Parameter, Rows};
use crate::AttentionParameters;
use crate::gpu::recorder::Recorder;

/// Words of a prediction in `predict.wgsl`, of which the first is the token: [`Recorder::embed`] can read it as the next
/// one.
pub(in crate::gpu) const PREDICTION_WORDS: usize = 3;

/// The buffers of attention to memory: see `shaders/memory_attention.wgsl` and `memory_add.wgsl`.
pub(in crate::gpu) struct MemoryBuffers {
    pub slots: usize,
    pub runs: usize,
    pub keys: Buffer,
    pub slot_table: Buffer,
    pub run_table: Buffer,
    pub contributions: Buffer,
    pub leading: Buffer,
    /// `[experts]`: the place that each expects next.
    pub expected: Buffer,
}

/// Which place rows of the head expect of an expert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gpu) enum Expecting {
    /// Each row one more than the row before: rows are the places of a draft.
    RowByRow,
    /// One past the slot used last: one row at a time, in order.
    PastTheLast,
}

/// Consecutive rows of the head whose logits are at hand.
#[derive(Clone, Copy)]
pub(in crate::gpu) struct Chunk<'a> {
    /// `[count, vocabulary]`.
    pub logits: &'a Buffer,
    pub vocabulary: usize,
    /// Which row of the head the first one is.
    pub first_row: usize,
    pub count: usize,
}

impl Recorder<'_> {
    /// What each slot adds to its token's logit, and which slot leads, for `rows` rows of the head.
    pub fn memory_attention(
        &mut self,
        parameters: &AttentionParameters,
        memory: &MemoryBuffers,
        queries: Rows<'_>,
        rows: usize,
        expecting: Expecting,
    ) {
        let AttentionParameters { beta, gamma, null, margin } = *parameters;
        let first = queries.first;
        self.dispatch(
            &self.kernels.memory_attention,
            &[
                memory.slots.word(),
                beta.word(),
                gamma.word(),
                null.word(),
                margin.word(),
                first.word(),
                usize::from(expecting == Expecting::PastTheLast).word(),
            ],
            &[
                (1, queries.buffer),
                (2, &memory.keys),
                (3, &memory.slot_table),
                (4, &memory.contributions),
                (5, &memory.leading),
                (6, &memory.expected),
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
