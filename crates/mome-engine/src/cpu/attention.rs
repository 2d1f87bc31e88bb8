//! Grouped-query attention over a KV cache.

use mome_backbone::Config;

use super::simd::{self, Kernel, dot, multiply_add};

/// The keys and values of one block, `[positions, kv_heads, head_width]` each.
#[derive(Default)]
pub(super) struct KvCache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl KvCache {
    /// Appends keys and values of new positions.
    pub(super) fn append(&mut self, keys: &[f32], values: &[f32]) {
        self.keys.extend_from_slice(keys);
        self.values.extend_from_slice(values);
    }

    /// Attends from the last positions, each to itself and all before it: from `queries [tokens, heads,
    /// head_width]` to values mixed, of the same shape.
    pub(super) fn attend(&self, config: &Config, queries: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; queries.len()];
        simd::run(Attend { config, cache: self, queries, out: &mut out });
        out
    }
}

struct Attend<'a> {
    config: &'a Config,
    cache: &'a KvCache,
    queries: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Attend<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Config { heads, kv_heads, head_width, .. } = *self.config;
        let kv_width = kv_heads * head_width;
        let tokens = self.queries.len() / (heads * head_width);
        let before = self.cache.keys.len() / kv_width - tokens;
        let scale = 1.0 / (head_width as f32).sqrt();
        let mut weights = vec![0.0; before + tokens];
        let heads_of_all = self.queries.chunks(head_width).zip(self.out.chunks_mut(head_width));
        for (index, (query, out)) in heads_of_all.enumerate() {
            let (token, head) = (index / heads, index % heads);
            let kv_offset = head / (heads / kv_heads) * head_width;
            let seen = before + token + 1;
            let weights = &mut weights[..seen];
            for (weight, keys) in weights.iter_mut().zip(self.cache.keys.chunks(kv_width)) {
                *weight = scale * dot::<FMA>(query, &keys[kv_offset..][..head_width]);
            }
            softmax(weights);
            for (weight, values) in weights.iter().zip(self.cache.values.chunks(kv_width)) {
                for (out, value) in out.iter_mut().zip(&values[kv_offset..][..head_width]) {
                    *out = multiply_add::<FMA>(*weight, *value, *out);
                }
            }
        }
    }
}

/// Turns scores into shares that sum to one.
#[inline(always)]
pub(super) fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}
