//! Matrix products and embeddings, for every type of weights.

use mome_backbone::{Activation, RopePairs, TensorType};
use proptest::prelude::*;

use super::norm_and_rope::turn;
use super::{Bench, Matrix, assert_close, check, dot, random};
use crate::gpu::operations::{Heads, Linear, Rope, Rows, Write};
use crate::gpu::pool::Pool;
use crate::gpu::recorder::Recorder;

/// How many tokens: those that different kernels are for.
fn tokens() -> impl Strategy<Value = usize> {
    prop_oneof![1..3usize, 3..9usize, 9..40usize]
}

fn matrix_products(kind: TensorType) {
    let quad = kind.block_len().max(4);
    let shapes = (1..150usize, 1..4usize, tokens(), 0..3usize, 0..3usize, any::<bool>(), any::<u64>());
    check(shapes, |bench, (rows, quads, count, input_row, output_row, add, seed)| {
        let columns = quad * quads;
        let mut random = random(seed);
        let matrix = Matrix::random(kind, rows, columns, &mut random);
        let input: Vec<f32> = random.by_ref().take((input_row + count) * columns).collect();
        let before: Vec<f32> = random.take((output_row + count) * rows).collect();

        let weights = bench.weights(&matrix);
        let (input_buffer, output) = (bench.upload(&input), bench.upload(&before));
        let write = if add { Write::Add } else { Write::Replace };
        let got = bench.run(&output, before.len(), |recorder| {
            let input = Rows { buffer: &input_buffer, first: input_row };
            recorder.matmul(
                (&weights).into(),
                input,
                Rows { buffer: &output, first: output_row },
                count,
                write,
            );
        });

        let mut expected: Vec<f64> = before.iter().map(|value| f64::from(*value)).collect();
        let values = matrix.values();
        let mut largest = 1.0f64;
        for (t, input) in input.chunks(columns).skip(input_row).enumerate() {
            for (o, weights) in values.chunks(columns).enumerate() {
                let sum = &mut expected[(output_row + t) * rows + o];
                largest = weights
                    .iter()
                    .zip(input)
                    .map(|(a, b)| f64::from((a * b).abs()))
                    .sum::<f64>()
                    .max(largest);
                *sum = dot(weights, input) + if add { *sum } else { 0.0 };
            }
        }
        // Rounding grows with the terms, however small their sum.
        assert_close(&got, &expected, 1e-6 * largest);
    });
}

#[test]
fn matrix_products_of_every_type() {
    for kind in TensorType::SUPPORTED {
        matrix_products(kind);
    }
}

/// The oracle's values are those of an independent implementation.
#[test]
fn golden_blocks_are_read_as_the_oracle_reads_them() {
    let data = |name: &str| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../mome-backbone/tests/data/");
        std::fs::read(format!("{path}{name}")).unwrap()
    };
    let oracle: serde_json::Value = serde_json::from_slice(&data("blocks.json")).unwrap();
    let bench = Bench::open();
    for kind in TensorType::SUPPORTED.into_iter().filter(|kind| kind.block_len() > 1) {
        let case = &oracle[kind.name()];
        let expected: Vec<f64> = serde_json::from_value(case["dequantised"].clone()).unwrap();
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let (rows, columns) = (size("rows"), size("cols"));
        let matrix = Matrix::new(kind, rows, columns, data(case["file"].as_str().unwrap()));
        let weights = bench.weights(&matrix);
        let tokens: Vec<u32> = (0..rows as u32).collect();
        let (tokens, output) = (bench.upload(&tokens), bench.upload(&vec![0.0f32; rows * columns]));
        let got: Vec<f32> = bench.run(&output, rows * columns, |recorder| {
            recorder.embed(&weights, Rows::all(&tokens), &output, rows, 1.0);
        });
        assert_close(&got, &expected, 1e-5);
    }
}

#[test]
fn a_matrix_in_several_buffers_is_one_matrix() {
    let mut bench = Bench::open();
    // 100 rows of 64 columns in chunks of 32 rows.
    bench.gpu.binding_limit = 32 * 64 * 4;
    let matrix = Matrix::random(TensorType::F32, 100, 64, &mut random(1));
    let input: Vec<f32> = random(2).take(3 * 64).collect();
    let bias: Vec<f32> = random(3).take(100).collect();
    let weights = bench.weights(&matrix);
    assert_eq!(weights.chunks.len(), 4);

    let (inputs, output) = (bench.upload(&input), bench.upload(&vec![0.0f32; 3 * 100]));
    let biases = bench.upload(&bias);
    let got: Vec<f32> = bench.run(&output, 300, |recorder| {
        let (input, output) = (Rows::all(&inputs), Rows::all(&output));
        recorder.matmul(Linear { weights: &weights, bias: Some(&biases) }, input, output, 3, Write::Replace);
    });
    let values = matrix.values();
    let row = |input| values.chunks(64).zip(&bias).map(move |(row, bias)| dot(row, input) + f64::from(*bias));
    let expected: Vec<f64> = input.chunks(64).flat_map(row).collect();
    assert_close(&got, &expected, 1e-4);

    let tokens = [99u32, 0, 31, 32, 64];
    let (token_buffer, output) = (bench.upload(&tokens), bench.upload(&[0.0f32; 5 * 64]));
    let got: Vec<f32> = bench.run(&output, 5 * 64, |recorder| {
        recorder.embed(&weights, Rows::all(&token_buffer), &output, 5, 1.0);
    });
    let expected: Vec<f32> =
        tokens.iter().flat_map(|token| &values[*token as usize * 64..][..64]).copied().collect();
    assert_eq!(got, expected);
}

#[test]
fn embeddings_of_every_type() {
    let shapes = (prop::sample::select(&TensorType::SUPPORTED[..]), 1..40usize, 1..10usize, any::<u64>());
    check(shapes, |bench, (kind, vocabulary, quads, seed)| {
        let columns = quads * kind.block_len().max(4);
        let matrix = Matrix::random(kind, vocabulary, columns, &mut random(seed));
        let tokens: Vec<u32> = random(seed).take(7).map(|x| (x.abs() * vocabulary as f32) as u32).collect();

        let weights = bench.weights(&matrix);
        let (token_buffer, output) = (bench.upload(&tokens), bench.upload(&vec![0.0f32; 5 * columns]));
        let got: Vec<f32> = bench.run(&output, 5 * columns, |recorder| {
            recorder.embed(&weights, Rows { buffer: &token_buffer, first: 2 }, &output, 5, 1.0);
        });

        let values = matrix.values();
        let row = |token: &u32| values[*token as usize * columns..][..columns].iter().map(|x| f64::from(*x));
        let expected: Vec<f64> = tokens[2..].iter().flat_map(row).collect();
        assert_close(&got, &expected, 1e-6);
    });
}

#[test]
fn a_pair_of_matrices_makes_a_gated_layer() {
    let kinds = prop::sample::select(vec![TensorType::F32, TensorType::Q8_0, TensorType::Q4_K]);
    let activations = prop::sample::select(vec![Activation::GatedSilu, Activation::GatedGelu]);
    let shapes = (kinds, activations, 1..150usize, tokens(), any::<u64>());
    check(shapes, |bench, (kind, activation, rows, count, seed)| {
        let columns = 2 * kind.block_len().max(4);
        let mut random = random(seed);
        let [gate, up] = [(); 2].map(|()| Matrix::random(kind, rows, columns, &mut random));
        let input: Vec<f32> = random.take(count * columns).collect();
        // Small enough that there are several chunks of many rows.
        bench.gpu.binding_limit = 2 * 32 * 4 * columns as u64;
        let pair = bench.pair([&gate, &up]);
        bench.gpu.binding_limit = 1 << 27;

        let (inputs, output) = (bench.upload(&input), bench.upload(&vec![0.0f32; count * rows]));
        let got: Vec<f32> = bench.run(&output, count * rows, |recorder| {
            recorder.gated_matmul((&pair, activation), &inputs, &output, count);
        });

        let (gate, up) = (gate.values(), up.values());
        let mut expected = Vec::new();
        for input in input.chunks(columns) {
            for (gate, up) in gate.chunks(columns).zip(up.chunks(columns)) {
                let gate = dot(gate, input);
                // GELU's tanh form, in terms of a logistic function.
                let steepness = match activation {
                    Activation::GatedGelu => {
                        (8.0 / std::f64::consts::PI).sqrt() * (1.0 + 0.044715 * gate * gate)
                    }
                    _ => 1.0,
                };
                expected.push(gate / (1.0 + (-steepness * gate).exp()) * dot(up, input));
            }
        }
        assert_close(&got, &expected, 1e-3);
    });
}

#[test]
fn queries_keys_and_values_go_to_their_places() {
    // Value weights may be of another type: then they are a chunk of their own.
    let kinds = prop::sample::select(vec![TensorType::F32, TensorType::Q8_0]);
    let shapes = (1..4usize, 1..4usize, 1..7usize, 0..7usize, kinds, any::<bool>());
    let places = (tokens(), 0..3usize, 0..5usize, any::<u64>());
    check((shapes, places), |bench, ((kv_heads, group, quads, pairs, kind, biased), place)| {
        let (count, first_rotation, position, seed) = place;
        let (width, columns) = (4 * quads, 64);
        let pairs = pairs.min(2 * quads);
        let heads = Heads { query_heads: kv_heads * group, kv_heads, width };
        let (query_rows, kv_rows) = (heads.query_heads * width, kv_heads * width);
        let mut random = random(seed);
        let matrices = [(TensorType::Q8_0, query_rows), (TensorType::Q8_0, kv_rows), (kind, kv_rows)]
            .map(|(kind, rows)| Matrix::random(kind, rows, columns, &mut random));
        let mut take = |count: usize| random.by_ref().take(count).collect::<Vec<f32>>();
        let (input, bias) = (take(count * columns), take(query_rows + 2 * kv_rows));
        let angles: Vec<f32> = take((first_rotation + count) * pairs).iter().map(|x| 100.0 * x).collect();
        let rotations: Vec<[f32; 2]> = angles.iter().map(|angle| [angle.cos(), angle.sin()]).collect();

        let weights = bench.stack(&matrices.each_ref());
        let cache = vec![0.0f32; (position + count) * kv_rows];
        let (inputs, biases, rotations) =
            (bench.upload(&input), bench.upload(&bias), bench.upload(&rotations));
        let (queries, keys) = (bench.upload(&vec![0.0f32; count * query_rows]), bench.upload(&cache));
        // Keys and values one below the other come back together.
        let values = bench.upload(&cache);
        let mut pool = Pool::default();
        let mut recorder = Recorder::new(&bench.gpu, &bench.kernels, &mut pool);
        let rope = Rope { rotations: Rows { buffer: &rotations, first: first_rotation }, pairs };
        let linear = Linear { weights: &weights, bias: biased.then_some(&biases) };
        let places = (Rows { buffer: &keys, first: position }, &values);
        recorder.qkv(linear, (&inputs, count), (heads, rope), &queries, places);
        let segments = [(&queries, count * query_rows), (&keys, cache.len()), (&values, cache.len())]
            .map(|(buffer, count)| recorder.read(buffer, count));
        let readback = pollster::block_on(recorder.submit()).unwrap();
        let [got_queries, got_keys, got_values] = segments.map(|segment| readback.values::<f32>(&segment));

        let mut first_bias = 0;
        let [mut queries, mut keys, values] = matrices.each_ref().map(|matrix| {
            let bias = &bias[first_bias..][..matrix.rows];
            first_bias += matrix.rows;
            let values = matrix.values();
            let row = |input| {
                let row = |(row, bias): (&[f32], &f32)| {
                    dot(row, input) + if biased { f64::from(*bias) } else { 0.0 }
                };
                values.chunks(columns).zip(bias).map(row).collect::<Vec<_>>()
            };
            input.chunks(columns).flat_map(row).collect::<Vec<f64>>()
        });
        let rotated = pairs.max(1);
        for values in [&mut queries, &mut keys] {
            let columns = values.len() / count;
            let angles = angles[first_rotation * pairs..].chunks(rotated);
            for (row, angles) in values.chunks_mut(columns).zip(angles) {
                row.chunks_mut(width).for_each(|head| turn(head, &angles[..pairs], RopePairs::Interleaved));
            }
        }
        assert_close(&got_queries, &queries, 1e-3);
        assert_close(&got_keys[position * kv_rows..], &keys, 1e-3);
        assert_close(&got_values[position * kv_rows..], &values, 1e-3);
        assert!(
            got_keys[..position * kv_rows].iter().chain(&got_values[..position * kv_rows]).all(|x| *x == 0.0)
        );
    });
}
