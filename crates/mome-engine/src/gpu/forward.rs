//! The transformer: from token ids to the residual stream after the last block.

use mome_backbone::Config;
use wgpu::Buffer;

use super::device::Gpu;
use super::model::{Block, GateAndUp, Model};
use super::operations::{Heads, Norm, Rope, Rows, Write, attention_scratch};
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
    pub rows: usize,
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
    /// `[rows, feed_forward]`
    gate: Buffer,
    /// `[rows, feed_forward]`
    up: Buffer,
}

impl Activations {
    /// # Errors
    /// [`EngineError::Gpu`] where `rows` rows are more than a buffer holds.
    pub fn new(gpu: &Gpu, config: &Config, rows: usize) -> Result<Self, EngineError> {
        let buffer = |label, columns| gpu.storage(label, rows, columns);
        let heads = Heads::of(config);
        Ok(Self {
            rows,
            residual: buffer("residual", config.hidden)?,
            normed: buffer("normed", config.hidden)?,
            queries: buffer("queries", config.heads * config.head_width)?,
            attended: buffer("attended", config.heads * config.head_width)?,
            attention_parts: gpu.storage("parts of attention", 1, attention_scratch(heads))?,
            gate: buffer("gate", config.feed_forward)?,
            up: buffer("up", config.feed_forward)?,
        })
    }
}

/// The tokens of a pass on the device.
pub(super) struct Input {
    /// Ids of all tokens of the pass.
    pub tokens: Buffer,
    /// Cosine and sine of RoPE's angles, `[tokens, rope_width / 2]`.
    pub rotations: Buffer,
}

impl Input {
    /// Uploads tokens of which the first is at `position`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where they are more than a buffer holds.
    pub fn upload(gpu: &Gpu, config: &Config, tokens: &[u32], position: usize) -> Result<Self, EngineError> {
        let pairs = config.rope_width / 2;
        let frequency = |pair| f64::from(config.rope_base).powf(-(pair as f64) / pairs as f64);
        let frequencies: Vec<f64> = (0..pairs).map(frequency).collect();
        let rotations: Vec<[f32; 2]> = (position..position + tokens.len())
            .flat_map(|position| frequencies.iter().map(move |frequency| position as f64 * frequency))
            .map(|angle| [angle.cos() as f32, angle.sin() as f32])
            .collect();
        Ok(Self { tokens: gpu.upload("tokens", tokens)?, rotations: gpu.upload("rotations", &rotations)? })
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
    let tokens = Rows { buffer: &input.tokens, first: slice.first };
    recorder.embed(&model.embedding, tokens, residual, slice.count);

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
    let Activations { residual, normed, queries, attended, attention_parts, .. } = activations;
    let count = slice.count;
    let norm = Norm::rms(&block.attention_norm, config.rms_epsilon);
    recorder.norm(norm, residual, normed, (count, config.hidden));

    // Keys and values go straight to their places in the cache.
    let heads = model.heads;
    let rotations = Rows { buffer: &input.rotations, first: slice.first };
    let rope = Rope { rotations, pairs: config.rope_width / 2 };
    let keys = Rows { buffer: &cache.keys, first: slice.position };
    recorder.qkv((&block.qkv).into(), (normed, count), (heads, rope), queries, (keys, &cache.values));

    let cached = (&cache.keys, &cache.values);
    recorder.attention(heads, queries, cached, (attended, attention_parts), (slice.position, count));
    recorder.matmul(
        (&block.attention_output).into(),
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
    let norm = Norm::rms(&block.feed_forward_norm, config.rms_epsilon);
    recorder.norm(norm, residual, normed, (count, config.hidden));
    match &block.gate_and_up {
        GateAndUp::Pair(pair) => recorder.swiglu_matmul(pair, normed, gate, count),
        GateAndUp::Apart { gate: gate_weights, up: up_weights } => {
            let normed = Rows::all(normed);
            recorder.matmul(gate_weights.into(), normed, Rows::all(gate), count, Write::Replace);
            recorder.matmul(up_weights.into(), normed, Rows::all(up), count, Write::Replace);
            recorder.swiglu(gate, up, count, config.feed_forward);
        }
    }
    recorder.matmul((&block.down).into(), Rows::all(gate), Rows::all(residual), count, Write::Add);
}
