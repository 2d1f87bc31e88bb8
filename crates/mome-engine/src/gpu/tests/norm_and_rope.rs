//! Norms and position embeddings.

use proptest::prelude::*;

use super::{assert_close, check, dot, random};
use crate::gpu::operations::Rows;

#[test]
fn rms_norms() {
    check((1..5usize, 1..80usize, any::<u64>()), |bench, (rows, quads, seed)| {
        let columns = 4 * quads;
        let mut random = random(seed);
        let weight: Vec<f32> = random.by_ref().take(columns).collect();
        let input: Vec<f32> = random.take(rows * columns).collect();

        let output = bench.upload(&vec![0.0f32; input.len()]);
        let (weight_buffer, input_buffer) = (bench.upload(&weight), bench.upload(&input));
        let got: Vec<f32> = bench.run(&output, input.len(), |recorder| {
            recorder.rms_norm((&weight_buffer, columns), 1e-5, &input_buffer, &output, rows);
        });

        let norm = |row: &[f32]| {
            let scale = (dot(row, row) / columns as f64 + 1e-5).sqrt();
            row.iter().zip(&weight).map(|(x, w)| f64::from(*x) / scale * f64::from(*w)).collect::<Vec<_>>()
        };
        let expected: Vec<f64> = input.chunks(columns).flat_map(norm).collect();
        assert_close(&got, &expected, 1e-5);
    });
}

#[test]
fn rope_turns_the_first_pairs_of_each_head() {
    let shapes = (1..6usize, 1..5usize, 0..5usize, 1..5usize, 0..3usize, 0..3usize, any::<u64>());
    check(shapes, |bench, (heads, pairs, others, count, first_rotation, first_row, seed)| {
        let (head_width, columns) = (2 * (pairs + others), 2 * heads * (pairs + others));
        let mut random = random(seed);
        let before: Vec<f32> = random.by_ref().take((first_row + count) * columns).collect();
        let angles: Vec<f32> = random.take((first_rotation + count) * pairs).map(|x| 100.0 * x).collect();
        let rotations: Vec<[f32; 2]> = angles.iter().map(|angle| [angle.cos(), angle.sin()]).collect();

        let (rotation_buffer, values) = (bench.upload(&rotations), bench.upload(&before));
        let got = bench.run(&values, before.len(), |recorder| {
            let rotations = Rows { buffer: &rotation_buffer, first: first_rotation };
            let values = Rows { buffer: &values, first: first_row };
            recorder.rope(rotations, pairs, values, (heads, head_width), count);
        });

        let mut expected: Vec<f64> = before.iter().map(|value| f64::from(*value)).collect();
        for (t, row) in expected.chunks_mut(columns).skip(first_row).enumerate() {
            for head in row.chunks_mut(head_width) {
                let angles = &angles[(first_rotation + t) * pairs..];
                for (pair, angle) in head.as_chunks_mut::<2>().0.iter_mut().take(pairs).zip(angles) {
                    let (sin, cos) = f64::from(*angle).sin_cos();
                    *pair = [pair[0] * cos - pair[1] * sin, pair[0] * sin + pair[1] * cos];
                }
            }
        }
        assert_close(&got, &expected, 1e-5);
    });
}
