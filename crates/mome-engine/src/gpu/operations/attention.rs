//! Attention over the KV cache, and what is done to queries and keys before.

use mome_backbone::{Config, RopePairs};
use wgpu::Buffer;

use super::{GROUP, Norm, Parameter, Rows};
use crate::gpu::kernels::Lanes;
use crate::gpu::recorder::Recorder;

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
pub(in crate::gpu) fn attention_scratch(heads: Heads) -> usize {
    SPLIT_TOKENS * heads.query_heads * MAX_PARTS * (heads.width + 4)
}

/// Rotary position embedding.
#[derive(Clone, Copy)]
pub(in crate::gpu) struct Rope<'a> {
    /// Cosine and sine of the angles, `[tokens, pairs]`.
    pub rotations: Rows<'a>,
    /// Pairs of a head that are rotated, the first ones.
    pub pairs: usize,
}

/// The shape of multi-head attention: several query heads may share a key and value head.
#[derive(Clone, Copy)]
pub(in crate::gpu) struct Heads {
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

impl Recorder<'_> {
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

    /// Causal attention of `count` queries, the first at `first_position`, over the last `window` positions
    /// of the KV cache. `partial` has room for [`attention_scratch`] values.
    pub fn attention(
        &mut self,
        heads: Heads,
        queries: &Buffer,
        (keys, values): (&Buffer, &Buffer),
        (output, partial): (&Buffer, &Buffer),
        (first_position, count, window): (usize, usize, usize),
    ) {
        let first_key = (first_position + 1).saturating_sub(window);
        let positions = first_position + count - first_key;
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
            first_key.word(),
            window.min(first_position + count).word(),
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
}
