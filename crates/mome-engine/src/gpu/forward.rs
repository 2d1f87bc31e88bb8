//! The transformer: from token ids to the residual stream after the last block.

use std::ops::Range;

use mome_backbone::{Config, LocalAttention, RopePairs};
use wgpu::Buffer;

use super::device::Gpu;
use super::matrices::FeedForward;
use super::model::{Block, Model};
use super::operations::{Heads, Linear, Norm, Rope, Rows, Write, attention_scratch};
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
    /// What attention needs besides.
    attention_parts: Buffer,
    /// `[rows, feed_forward]`: the gate, and what comes of the activation.
    gate: Buffer,
    /// `[rows, feed_forward]`
    up: Buffer,
}

impl Activations {
    /// # Errors
    /// [`EngineError::Gpu`] where `rows` rows are more than a buffer holds.
    pub fn new(recorder: &mut Recorder<'_>, config: &Config, rows: usize) -> Result<Self, EngineError> {
        let parts = recorder.storage("parts of attention", 1, attention_scratch(Heads::of(config)))?;
        let mut buffer = |label, columns| recorder.storage(label, rows, columns);
        Ok(Self {
            residual: buffer("residual", config.hidden)?,
            normed: buffer("normed", config.hidden)?,
            queries: buffer("queries", config.heads * config.head_width)?,
            attended: buffer("attended", config.heads * config.head_width)?,
            attention_parts: parts,
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
    /// The same for blocks that see the nearest tokens only, where there are any.
    local_rotations: Option<Buffer>,
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
        let mut upload = |label, frequencies: &[f64]| {
            let rotations: Vec<[f32; 2]> = positions
                .clone()
                .flat_map(|position| frequencies.iter().map(move |turn| position as f64 * turn))
                .map(|angle| [angle.cos() as f32, angle.sin() as f32])
                .collect();
            recorder.upload(label, &rotations)
        };
        let rotations = upload("rotations", &model.frequencies)?;
        let local = model.local_frequencies.as_deref();
        let local_rotations = local.map(|local| upload("rotations of local blocks", local)).transpose()?;
        Ok(Self { tokens, stride, rotations, local_rotations })
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
    recorder.embed(&model.embedding, tokens, residual, slice.count, config.embedding_scale);
    if let Some(positions) = &model.positions {
        let positions = Rows { buffer: positions, first: slice.position };
        recorder.add_positions(positions, residual, slice.count, config.hidden);
    }

    let mut segments: Vec<Option<Segment>> = states.iter().map(|_| None).collect();
    let mut bring_back = |recorder: &mut Recorder<'_>, layer: usize| {
        for (wanted, segment) in states.iter().zip(&mut segments) {
            if *wanted == layer {
                *segment = Some(recorder.read(residual, slice.count * config.hidden));
            }
        }
    };
    bring_back(recorder, 0);
    for (index, (block, cache)) in model.blocks.iter().zip(caches).enumerate() {
        let local = config.local_attention(index);
        record_attention(recorder, model, config, (block, local, cache), (input, slice), activations);
        record_feed_forward(recorder, model, config, block, slice, activations);
        bring_back(recorder, index + 1);
    }
    segments.into_iter().flatten().collect()
}

/// `residual += W_o attention(rope(W_q x), rope(W_k x), W_v x)` with `x = norm(residual)`; where there is a
/// norm behind, what is added is normed.
fn record_attention(
    recorder: &mut Recorder<'_>,
    model: &Model,
    config: &Config,
    (block, local, cache): (&Block, Option<LocalAttention>, &Cache),
    (input, slice): (&Input, Slice),
    activations: &Activations,
) {
    let Activations { residual, normed, queries, attended, attention_parts, .. } = activations;
    let Block { matrices, vectors, qkv_bias } = block;
    let (heads, count) = (model.heads, slice.count);
    let shape = (count, config.hidden);
    recorder.norm(model.norm(&vectors.attention_norm), residual, normed, shape);

    // Keys and values go straight to their places in the cache.
    let keys = Rows { buffer: &cache.keys, first: slice.position };
    let qkv = Linear { weights: &matrices.qkv, bias: qkv_bias.as_ref() };
    let rotations = input.local_rotations.as_ref().filter(|_| local.is_some()).unwrap_or(&input.rotations);
    let rotations = Rows { buffer: rotations, first: slice.first };
    let pairs = model.frequencies.len();
    let pairing = config.rope.map(|rope| rope.pairs);
    // The product rotates neighbours itself; other pairs, and heads with norms, need whole heads.
    let fused = pairing != Some(RopePairs::HalfSplit) && vectors.query_norm.is_none();
    let rope = Rope { rotations, pairs: if fused { pairs } else { 0 } };
    recorder.qkv(qkv, (normed, count), (heads, rope), queries, (keys, &cache.values));
    if !fused {
        let parts = [
            (Rows::all(queries), heads.query_heads, &vectors.query_norm),
            (keys, heads.kv_heads, &vectors.key_norm),
        ];
        for (values, heads_in, norm) in parts {
            let norm = norm.as_ref().map(|weight| Norm::rms(weight, config.norm_epsilon));
            let rope = (Rope { rotations, pairs }, pairing.unwrap_or(RopePairs::Interleaved));
            recorder.head_norm_rope(norm, rope, values, (heads_in, heads.width), count);
        }
    }

    let cached = (&cache.keys, &cache.values);
    let window = local.map_or(usize::MAX, |local| local.window);
    recorder.attention(heads, queries, cached, (attended, attention_parts), (slice.position, count, window));
    let output = Linear { weights: &matrices.attention_output, bias: vectors.attention_output.bias.as_ref() };
    let post_norm = vectors.attention_post_norm.as_ref().map(|norm| model.norm(norm));
    record_addition(recorder, (output, post_norm), attended, (residual, normed), shape);
}

/// `residual += W_down activation(x)` with `x = norm(residual)`; where there is a norm behind, what is added
/// is normed.
fn record_feed_forward(
    recorder: &mut Recorder<'_>,
    model: &Model,
    config: &Config,
    block: &Block,
    slice: Slice,
    activations: &Activations,
) {
    let Activations { residual, normed, gate, up, .. } = activations;
    let Block { matrices, vectors, .. } = block;
    let (count, columns) = (slice.count, config.feed_forward);
    let shape = (count, config.hidden);
    recorder.norm(model.norm(&vectors.feed_forward_norm), residual, normed, shape);
    let input = Rows::all(normed);
    match &matrices.feed_forward {
        FeedForward::Pair(pair) => recorder.gated_matmul((pair, config.activation), normed, gate, count),
        FeedForward::Gated { gate: gate_weights, up: up_weights } => {
            let gate_bias = vectors.gate.as_ref().and_then(|gate| gate.bias.as_ref());
            let gate_linear = Linear { weights: gate_weights, bias: gate_bias };
            recorder.matmul(gate_linear, input, Rows::all(gate), count, Write::Replace);
            let up_linear = Linear { weights: up_weights, bias: vectors.up.bias.as_ref() };
            recorder.matmul(up_linear, input, Rows::all(up), count, Write::Replace);
            recorder.gated(config.activation, (gate, up), count, columns);
        }
        FeedForward::Plain(weights) => {
            let linear = Linear { weights, bias: vectors.up.bias.as_ref() };
            recorder.matmul(linear, input, Rows::all(gate), count, Write::Replace);
            recorder.gelu(gate, count, columns);
        }
    }
    let down = Linear { weights: &matrices.down, bias: vectors.down.bias.as_ref() };
    let post_norm = vectors.feed_forward_post_norm.as_ref().map(|norm| model.norm(norm));
    record_addition(recorder, (down, post_norm), gate, (residual, normed), shape);
}

/// `residual += norm(W input)`, or without the norm where there is none. `room` is for what is normed; it and
/// the residual stream are of that shape.
fn record_addition(
    recorder: &mut Recorder<'_>,
    (linear, norm): (Linear<'_>, Option<Norm<'_>>),
    input: &Buffer,
    (residual, room): (&Buffer, &Buffer),
    (count, hidden): (usize, usize),
) {
    let input = Rows::all(input);
    match norm {
        None => recorder.matmul(linear, input, Rows::all(residual), count, Write::Add),
        Some(norm) => {
            recorder.matmul(linear, input, Rows::all(room), count, Write::Replace);
            recorder.add_norm(norm, room, residual, (count, hidden));
        }
    }
}
