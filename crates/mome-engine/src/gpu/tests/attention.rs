//! Attention over the KV cache.

use proptest::prelude::*;

use super::{assert_close, check, dot, random};
use crate::gpu::operations::{Heads, attention_scratch};

#[test]
fn attention_over_short_and_long_caches() {
    // Widths and positions on both sides of what 64 lanes take at once, of where keys are split, and of how many
    // tokens they are split for.
    let shapes =
        (1..4usize, 1..4usize, prop::sample::select(vec![4usize, 20, 64, 256]), 0..300usize, 1..12usize);
    let windows = prop_oneof![Just(usize::MAX), 1..200usize];
    check((shapes, windows, any::<u64>()), |bench, (shape, window, seed)| {
        let (kv_heads, group, width, position, count) = shape;
        let heads = Heads { query_heads: kv_heads * group, kv_heads, width };
        let positions = position + count;
        let mut random = random(seed);
        let mut take = |count: usize| random.by_ref().take(count).map(|x| 3.0 * x).collect::<Vec<f32>>();
        let queries = take(count * heads.query_heads * width);
        let (keys, values) = (take(positions * kv_heads * width), take(positions * kv_heads * width));

        let partial = bench.gpu.storage("partial", 1, attention_scratch(heads)).unwrap();
        let output = bench.upload(&vec![0.0f32; queries.len()]);
        let [query_buffer, key_buffer, value_buffer] =
            [&queries, &keys, &values].map(|data| bench.upload(data));
        let got: Vec<f32> = bench.run(&output, queries.len(), |recorder| {
            let cache = (&key_buffer, &value_buffer);
            recorder.attention(heads, &query_buffer, cache, (&output, &partial), (position, count, window));
        });

        let mut expected = Vec::new();
        for (index, query) in queries.chunks(width).enumerate() {
            let (token, head) = (index / heads.query_heads, index % heads.query_heads);
            let row = |position: usize| (position * kv_heads + head / group) * width;
            let visible = (position + token + 1).saturating_sub(window)..position + token + 1;
            let scores =
                visible.clone().map(|p| dot(query, &keys[row(p)..][..width]) / (width as f64).sqrt());
            let weights: Vec<f64> = scores.map(f64::exp).collect();
            let total: f64 = weights.iter().sum();
            expected.extend((0..width).map(|column| {
                let term = |(p, weight): (usize, &f64)| weight * f64::from(values[row(p) + column]);
                visible.clone().zip(&weights).map(term).sum::<f64>() / total
            }));
        }
        assert_close(&got, &expected, 1e-4);
    });
}
