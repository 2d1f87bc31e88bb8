//! Norms, position embeddings, and activations.

use mome_backbone::{Activation, RopePairs};
use proptest::prelude::*;

use super::{assert_close, check, random};
use crate::gpu::operations::{Norm, Rope, Rows};

#[test]
fn norms() {
    let shapes = (1..5usize, 1..80usize, any::<bool>(), any::<bool>(), any::<u64>());
    check(shapes, |bench, (rows, quads, layer, add, seed)| {
        let columns = 4 * quads;
        let mut random = random(seed);
        let mut take = |count: usize| random.by_ref().take(count).collect::<Vec<f32>>();
        let (weight, bias, input) = (take(columns), take(columns), take(rows * columns));

        let before = take(input.len());
        let output = bench.upload(&before);
        let [weight_buffer, bias_buffer, inputs] = [&weight, &bias, &input].map(|data| bench.upload(data));
        let bias_buffer = layer.then_some(&bias_buffer);
        let norm = Norm { weight: &weight_buffer, bias: bias_buffer, epsilon: 1e-5 };
        let got: Vec<f32> = bench.run(&output, input.len(), |recorder| match add {
            true => recorder.add_norm(norm, &inputs, &output, (rows, columns)),
            false => recorder.norm(norm, &inputs, &output, (rows, columns)),
        });

        let norm = |row: &[f32]| {
            let sum: f64 = row.iter().map(|x| f64::from(*x)).sum();
            let mean = if layer { sum / columns as f64 } else { 0.0 };
            let squares: f64 = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
            let scale = (squares / columns as f64 + 1e-5).sqrt();
            let term = |(x, (w, b)): (&f32, (&f32, &f32))| {
                (f64::from(*x) - mean) / scale * f64::from(*w) + if layer { f64::from(*b) } else { 0.0 }
            };
            row.iter().zip(weight.iter().zip(&bias)).map(term).collect::<Vec<_>>()
        };
        let before = before.iter().map(|before| if add { f64::from(*before) } else { 0.0 });
        let expected: Vec<f64> = input
            .chunks(columns)
            .flat_map(norm)
            .zip(before)
            .map(|(normed, before)| before + normed)
            .collect();
        assert_close(&got, &expected, 2e-5);
    });
}

/// Rotary position embedding of one head: turns its first pairs, as many as there are angles.
pub(super) fn turn(head: &mut [f64], angles: &[f32], pairing: RopePairs) {
    for (pair, angle) in angles.iter().enumerate() {
        let (a, b) = match pairing {
            RopePairs::Interleaved => (2 * pair, 2 * pair + 1),
            RopePairs::HalfSplit => (pair, pair + angles.len()),
        };
        let (sin, cos) = f64::from(*angle).sin_cos();
        (head[a], head[b]) = (head[a] * cos - head[b] * sin, head[a] * sin + head[b] * cos);
    }
}

#[test]
fn heads_are_normalized_and_turned() {
    let shapes = (1..70usize, 1..5usize, 0..5usize, 1..5usize, any::<bool>(), any::<bool>());
    let places = (0..3usize, 0..3usize, any::<u64>());
    check((shapes, places), |bench, ((heads, pairs, others, count, halves, normalized), place)| {
        let (first_rotation, first_row, seed) = place;
        let pairing = if halves { RopePairs::HalfSplit } else { RopePairs::Interleaved };
        let (head_width, columns) = (2 * (pairs + others), 2 * heads * (pairs + others));
        let mut random = random(seed);
        let mut take = |count: usize| random.by_ref().take(count).collect::<Vec<f32>>();
        let (before, weight) = (take((first_row + count) * columns), take(head_width));
        let angles: Vec<f32> = take((first_rotation + count) * pairs).iter().map(|x| 100.0 * x).collect();
        let rotations: Vec<[f32; 2]> = angles.iter().map(|angle| [angle.cos(), angle.sin()]).collect();

        let (rotations, values) = (bench.upload(&rotations), bench.upload(&before));
        let weights = bench.upload(&weight);
        let got = bench.run(&values, before.len(), |recorder| {
            let norm = normalized.then_some(Norm::rms(&weights, 1e-5));
            let rope = Rope { rotations: Rows { buffer: &rotations, first: first_rotation }, pairs };
            let values = Rows { buffer: &values, first: first_row };
            recorder.head_norm_rope(norm, (rope, pairing), values, (heads, head_width), count);
        });

        let mut expected: Vec<f64> = before.iter().map(|value| f64::from(*value)).collect();
        for (t, row) in expected.chunks_mut(columns).skip(first_row).enumerate() {
            for head in row.chunks_mut(head_width) {
                if normalized {
                    let squares: f64 = head.iter().map(|x| x * x).sum();
                    let scale = (squares / head_width as f64 + 1e-5).sqrt();
                    head.iter_mut().zip(&weight).for_each(|(x, w)| *x *= f64::from(*w) / scale);
                }
                turn(head, &angles[(first_rotation + t) * pairs..][..pairs], pairing);
            }
        }
        assert_close(&got, &expected, 2e-5);
    });
}

#[test]
fn activations_and_positions() {
    check((1..5usize, 1..80usize, 0..4usize, any::<u64>()), |bench, (rows, quads, first, seed)| {
        let columns = 4 * quads;
        let mut random = random(seed);
        let mut take = |count: usize| random.by_ref().take(count).map(|x| 8.0 * x).collect::<Vec<f32>>();
        let (values, up, positions) =
            (take(rows * columns), take(rows * columns), take((first + rows) * columns));
        let count = rows * columns;
        let (up_buffer, position_buffer) = (bench.upload(&up), bench.upload(&positions));
        let [for_gelu, for_swiglu, for_geglu, for_sum] = [(); 4].map(|()| bench.upload(&values));
        let gelu: Vec<f32> = bench.run(&for_gelu, count, |recorder| recorder.gelu(&for_gelu, rows, columns));
        let swiglu: Vec<f32> = bench.run(&for_swiglu, count, |recorder| {
            recorder.gated(Activation::GatedSilu, (&for_swiglu, &up_buffer), rows, columns);
        });
        let geglu: Vec<f32> = bench.run(&for_geglu, count, |recorder| {
            recorder.gated(Activation::GatedGelu, (&for_geglu, &up_buffer), rows, columns);
        });
        let sum: Vec<f32> = bench.run(&for_sum, count, |recorder| {
            recorder.add_positions(Rows { buffer: &position_buffer, first }, &for_sum, rows, columns);
        });

        let wide = |values: &[f32]| values.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let (values, up, positions) = (wide(&values), wide(&up), wide(&positions[first * columns..]));
        let root = (2.0 / std::f64::consts::PI).sqrt();
        let gelu_of = |x: &f64| x / 2.0 * (1.0 + (root * (x + 0.044715 * x.powi(3))).tanh());
        assert_close(&gelu, &values.iter().map(gelu_of).collect::<Vec<_>>(), 1e-5);
        let silu = |x: &f64| x / (1.0 + (-x).exp());
        assert_close(&swiglu, &values.iter().zip(&up).map(|(x, up)| silu(x) * up).collect::<Vec<_>>(), 1e-5);
        let gated: Vec<f64> = values.iter().zip(&up).map(|(x, up)| gelu_of(x) * up).collect();
        assert_close(&geglu, &gated, 1e-5);
        assert_close(&sum, &values.iter().zip(&positions).map(|(a, b)| a + b).collect::<Vec<_>>(), 1e-6);
    });
}
