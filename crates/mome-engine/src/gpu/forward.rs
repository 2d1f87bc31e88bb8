//! The transformer: from token ids to the residual stream after the last block.

use std::ops::Range;

use mome_backbone::Config;
use wgpu::Buffer;

use super::device::Gpu;
use super::model::{Block, Model};
use super::operations::{Rows, Write};
use super::recorder::{Recorder, Segment};
use crate::EngineError;

/// Keys and values of the tokens that were run, for one block: each `[capacity, kv_heads * head_width]`.
pub(super) struct Cache {
    keys: Buffer,
    values: Buffer,
}

impl Cache {
    /// # Errors
    /// [`EngineError::Gpu`] where `capacity` tokens are more than a buffer holds.
    pub fn new(gpu: &Gpu, config: &Config, capacity: usize) -> Result<Self, EngineError> {
        let buffer = |label| gpu.storage(label, capacity, config.kv_heads * config.head_width);
        Ok(Self { keys: buffer("the cache of keys")?, values: buffer("the cache of values")? })
    }
}

/// What the blocks work on, for up to `rows` tokens at a time.
pub(super) struct Activations {
    /// `[rows, d]`: the residual stream.
    pub residual: Buffer,
    /// `[rows, d]`
    normed: Buffer,
    /// `[rows, heads * head_width]`
    queries: Buffer,
    /// `[rows, heads * head_width]`
    attended: Buffer,
    /// `[rows, feed_forward]`
    gate: Buffer,
    /// `[rows, feed_forward]`
    up: Buffer,
}

impl Activations {
    /// # Errors
    /// [`EngineError::Gpu`] where `rows` rows are more than a buffer holds.
    pub fn new(recorder: &mut Recorder<'_>, config: &Config, rows: usize) -> Result<Self, EngineError> {
        let mut buffer = |label, columns| recorder.storage(label, rows, columns);
        Ok(Self {
            residual: buffer("residual", config.hidden)?,
            normed: buffer("normed", config.hidden)?,
            queries: buffer("queries", config.heads * config.head_width)?,
            attended: buffer("attended", config.heads * config.head_width)?,
            gate: buffer("gate", config.feed_forward)?,
            up: buffer("up", config.feed_forward)?,
        })
    }
}

/// The tokens of a pass on the device.
pub(super) struct Input {
    /// Ids of all tokens of the pass, every `stride` words one.
    tokens: Buffer,
    stride: usize,
    /// Cosine and sine of RoPE's angles, `[tokens, rope width / 2]`.
    rotations: Buffer,
}

impl Input {
    /// Makes an input of tokens that are, or will be, on the device.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where their rotations are more than a buffer holds.
    pub fn new(
        recorder: &mut Recorder<'_>,
        model: &Model,
        tokens: Buffer,
        stride: usize,
        positions: Range<usize>,
    ) -> Result<Self, EngineError> {
        let rotations: Vec<[f32; 2]> = positions
            .flat_map(|position| model.frequencies.iter().map(move |turn| position as f64 * turn))
            .map(|angle| [angle.cos() as f32, angle.sin() as f32])
            .collect();
        Ok(Self { tokens, stride, rotations: recorder.upload("rotations", &rotations)? })
    }
}

/// Some consecutive tokens of a pass: as many as the activations hold.
#[derive(Clone, Copy)]
pub(super) struct Slice {
    /// Which token of the pass is the first.
    pub first: usize,
    pub count: usize,
    /// The first token's position in the sequence.
    pub position: usize,
}

/// Records the forward pass of one slice. `states` are the layers to bring back, and their segments come back in
/// the same order, each `[slice.count, d]`.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    model: &Model,
    config: &Config,
    (input, slice): (&Input, Slice),
    (activations, caches): (&Activations, &[Cache]),
    states: &[usize],
) -> Vec<Segment> {
    let residual = &activations.residual;
    let tokens = Rows { buffer: &input.tokens, first: input.stride * slice.first };
    recorder.embed(&model.weights.embedding, tokens, residual, slice.count);

    let mut segments: Vec<Option<Segment>> = states.iter().map(|_| None).collect();
    let mut bring_back = |recorder: &mut Recorder<'_>, layer: usize| {
        for (wanted, segment) in states.iter().zip(&mut segments) {
            if *wanted == layer {
                *segment = Some(recorder.read(residual, slice.count * config.hidden));
            }
        }
    };
    bring_back(recorder, 0);
    for (index, (block, cache)) in model.weights.blocks.iter().zip(caches).enumerate() {
        record_attention(recorder, model, config, (block, cache), (input, slice), activations);
        record_feed_forward(recorder, config, block, slice, activations);
        bring_back(recorder, index + 1);
    }
    segments.into_iter().flatten().collect()
}

/// `residual += W_o attention(rope(W_q x), rope(W_k x), W_v x)` with `x = norm(residual)`.
fn record_attention(
    recorder: &mut Recorder<'_>,
    model: &Model,
    config: &Config,
    (block, cache): (&Block, &Cache),
    (input, slice): (&Input, Slice),
    activations: &Activations,
) {
    let Activations { residual, normed, queries, attended, .. } = activations;
    let count = slice.count;
    let norm = (&block.attention_norm.weight, config.hidden);
    recorder.rms_norm(norm, config.norm_epsilon, residual, normed, count);

    // Keys and values go straight to their places in the cache.
    let keys = Rows { buffer: &cache.keys, first: slice.position };
    let values = Rows { buffer: &cache.values, first: slice.position };
    let normed = Rows::all(normed);
    recorder.matmul(
        (&block.query.weight, block.query.bias.as_ref()),
        normed,
        Rows::all(queries),
        count,
        Write::Replace,
    );
    recorder.matmul((&block.key.weight, block.key.bias.as_ref()), normed, keys, count, Write::Replace);
    recorder.matmul((&block.value.weight, block.value.bias.as_ref()), normed, values, count, Write::Replace);

    let heads = model.heads;
    let rotations = Rows { buffer: &input.rotations, first: slice.first };
    let pairs = config.rope.map_or(0, |rope| rope.width / 2);
    recorder.rope(rotations, pairs, Rows::all(queries), (heads.query_heads, heads.width), count);
    recorder.rope(rotations, pairs, keys, (heads.kv_heads, heads.width), count);

    recorder.attention(heads, queries, (&cache.keys, &cache.values), attended, (slice.position, count));
    recorder.matmul(
        (&block.attention_output.weight, block.attention_output.bias.as_ref()),
        Rows::all(attended),
        Rows::all(residual),
        count,
        Write::Add,
    );
}

/// `residual += W_down (silu(W_gate x) * W_up x)` with `x = norm(residual)`.
fn record_feed_forward(
    recorder: &mut Recorder<'_>,
    config: &Config,
    block: &Block,
    slice: Slice,
    activations: &Activations,
) {
    let Activations { residual, normed, gate, up, .. } = activations;
    let count = slice.count;
    let norm = (&block.feed_forward_norm.weight, config.hidden);
    recorder.rms_norm(norm, config.norm_epsilon, residual, normed, count);
    let normed = Rows::all(normed);
    if let Some(weights) = &block.gate {
        recorder.matmul(
            (&weights.weight, weights.bias.as_ref()),
            normed,
            Rows::all(gate),
            count,
            Write::Replace,
        );
    }
    recorder.matmul((&block.up.weight, block.up.bias.as_ref()), normed, Rows::all(up), count, Write::Replace);
    recorder.swiglu(gate, up, count, config.feed_forward);
    recorder.matmul(
        (&block.down.weight, block.down.bias.as_ref()),
        Rows::all(gate),
        Rows::all(residual),
        count,
        Write::Add,
    );
}
