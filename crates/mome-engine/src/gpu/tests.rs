//! Single kernels against plain loops on the CPU, over odd shapes. Whole passes are tested in `tests/`.

use half::f16;
use mome_backbone::TensorType;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{Kernels, WeightKernelSet};
use super::operations::{Chunk, Heads, Rows, Write};
use super::recorder::Recorder;
use super::weights::Weights;

/// The types that there are kernels for.
const KERNELS: [TensorType; 4] = [TensorType::F32, TensorType::F16, TensorType::Q8_0, TensorType::Q4_0];

/// A device, with the kernels under test.
struct Bench {
    gpu: Gpu,
    kernels: Kernels,
    weight_kernels: WeightKernelSet,
}

impl Bench {
    fn open() -> Self {
        let gpu = pollster::block_on(Gpu::open(true))
            .expect("these tests need a Vulkan, Metal or DX12 driver; an emulated one will do");
        let kernels = Kernels::new(&gpu.device);
        Self { gpu, kernels, weight_kernels: WeightKernelSet::default() }
    }

    fn upload<T: bytemuck::Pod>(&self, values: &[T]) -> Buffer {
        self.gpu.upload("test input", values).unwrap()
    }

    fn weights(&mut self, matrix: &Matrix) -> Weights {
        let kernels = self.weight_kernels.get(&self.gpu.device, matrix.kind).unwrap();
        let shape = [matrix.rows, matrix.columns];
        Weights::upload(&self.gpu, kernels, "test", matrix.kind, shape, &matrix.bytes).unwrap()
    }

    /// Records operations and brings back the first `count` values of `output`.
    fn run<T: bytemuck::Pod>(
        &self,
        output: &Buffer,
        count: usize,
        record: impl FnOnce(&mut Recorder<'_>),
    ) -> Vec<T> {
        let mut recorder = Recorder::new(&self.gpu, &self.kernels);
        record(&mut recorder);
        let segment = recorder.read(output, count);
        pollster::block_on(recorder.submit()).unwrap().values(&segment)
    }
}

/// A matrix as a GGUF file holds it, and what it means.
#[derive(Clone, Debug)]
struct Matrix {
    kind: TensorType,
    rows: usize,
    columns: usize,
    bytes: Vec<u8>,
}

impl Matrix {
    /// Random numbers of moderate size: random scales and every quant there is.
    fn random(kind: TensorType, rows: usize, columns: usize, random: &mut impl Iterator<Item = f32>) -> Self {
        let mut next = || random.next().unwrap_or_default();
        let blocks = rows * columns / kind.block_len();
        let mut bytes = Vec::new();
        for _ in 0..blocks {
            match kind {
                TensorType::F32 => bytes.extend(next().to_le_bytes()),
                TensorType::F16 => bytes.extend(f16::from_f32(next()).to_le_bytes()),
                TensorType::Q8_0 | TensorType::Q4_0 => {
                    bytes.extend(f16::from_f32(next() / 64.0).to_le_bytes());
                    bytes.extend((2..kind.block_bytes()).map(|_| (next() * 128.0).floor() as i8 as u8));
                }
                _ => {}
            }
        }
        Self { kind, rows, columns, bytes }
    }

    fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.columns];
        self.kind.dequantize(&self.bytes, &mut values);
        values
    }
}

/// Numbers in [-1, 1), the same for the same seed (a linear congruential generator).
fn random(seed: u64) -> impl Iterator<Item = f32> {
    std::iter::successors(Some(seed), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .skip(3)
    .map(|state| (state >> 40) as f32 / (1 << 23) as f32 - 1.0)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn assert_close(got: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(*got) - expected).abs();
        assert!(error <= tolerance * expected.abs().max(1.0), "value {index} is {got}, should be {expected}");
    }
}

/// Runs `test` on a few cases of `strategy`, on one device.
fn check<S: Strategy>(strategy: S, test: impl Fn(&mut Bench, S::Value)) {
    let bench = std::cell::RefCell::new(Bench::open());
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&strategy, |case| {
        test(&mut bench.borrow_mut(), case);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn matrix_products(kind: TensorType) {
    let quad = if kind.block_len() == 1 { 4 } else { 32 };
    let shapes = (1..200usize, 1..9usize, 1..14usize, 0..3usize, 0..3usize, any::<bool>(), any::<u64>());
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
            recorder.matmul(&weights, input, Rows { buffer: &output, first: output_row }, count, write);
        });

        let mut expected: Vec<f64> = before.iter().map(|value| f64::from(*value)).collect();
        let values = matrix.values();
        for (t, input) in input.chunks(columns).skip(input_row).enumerate() {
            for (o, weights) in values.chunks(columns).enumerate() {
                let sum = &mut expected[(output_row + t) * rows + o];
                *sum = dot(weights, input) + if add { *sum } else { 0.0 };
            }
        }
        assert_close(&got, &expected, 1e-4);
    });
}

#[test]
fn matrix_products_f32() {
    matrix_products(TensorType::F32);
}

#[test]
fn matrix_products_f16() {
    matrix_products(TensorType::F16);
}

#[test]
fn matrix_products_q8_0() {
    matrix_products(TensorType::Q8_0);
}

#[test]
fn matrix_products_q4_0() {
    matrix_products(TensorType::Q4_0);
}

#[test]
fn embeddings_of_every_type() {
    let shapes = (prop::sample::select(&KERNELS[..]), 1..40usize, 1..10usize, any::<u64>());
    check(shapes, |bench, (kind, vocabulary, quads, seed)| {
        let columns = if kind.block_len() == 1 { 4 * quads } else { 32 * quads };
        let matrix = Matrix::random(kind, vocabulary, columns, &mut random(seed));
        let tokens: Vec<u32> = random(seed).take(7).map(|x| (x.abs() * vocabulary as f32) as u32).collect();

        let weights = bench.weights(&matrix);
        let (token_buffer, output) = (bench.upload(&tokens), bench.upload(&vec![0.0f32; 5 * columns]));
        let got: Vec<f32> = bench.run(&output, 5 * columns, |recorder| {
            recorder.embed(&weights, Rows { buffer: &token_buffer, first: 2 }, &output, 5);
        });

        let values = matrix.values();
        let row = |token: &u32| values[*token as usize * columns..][..columns].iter().map(|x| f64::from(*x));
        let expected: Vec<f64> = tokens[2..].iter().flat_map(row).collect();
        assert_close(&got, &expected, 1e-6);
    });
}

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

#[test]
fn attention_over_short_and_long_caches() {
    // Widths and positions on both sides of what 64 lanes take at once.
    let shapes =
        (1..4usize, 1..4usize, prop::sample::select(vec![4usize, 20, 64, 256]), 0..150usize, 1..5usize);
    check((shapes, any::<u64>()), |bench, ((kv_heads, group, width, position, count), seed)| {
        let heads = Heads { query_heads: kv_heads * group, kv_heads, width };
        let positions = position + count;
        let mut random = random(seed);
        let mut take = |count: usize| random.by_ref().take(count).map(|x| 3.0 * x).collect::<Vec<f32>>();
        let queries = take(count * heads.query_heads * width);
        let (keys, values) = (take(positions * kv_heads * width), take(positions * kv_heads * width));

        let output = bench.upload(&vec![0.0f32; queries.len()]);
        let [query_buffer, key_buffer, value_buffer] =
            [&queries, &keys, &values].map(|data| bench.upload(data));
        let got: Vec<f32> = bench.run(&output, queries.len(), |recorder| {
            let cache = (&key_buffer, &value_buffer);
            recorder.attention(heads, &query_buffer, cache, &output, (position, count));
        });

        let mut expected = Vec::new();
        for (index, query) in queries.chunks(width).enumerate() {
            let (token, head) = (index / heads.query_heads, index % heads.query_heads);
            let row = |position: usize| (position * kv_heads + head / group) * width;
            let visible = 0..=position + token;
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

#[test]
fn prediction_takes_the_lowest_id_among_equals() {
    check((1..900usize, 1..9usize, any::<u64>()), |bench, (vocabulary, count, seed)| {
        // Few different values, so that the largest occurs often.
        let logits: Vec<f32> =
            random(seed).take(count * vocabulary).map(|x| (x * 20.0).round() / 4.0).collect();
        let (logit_buffer, output) = (bench.upload(&logits), bench.upload(&vec![0u32; 3 * (count + 1)]));
        let got: Vec<u32> = bench.run(&output, 3 * (count + 1), |recorder| {
            let chunk = Chunk { logits: &logit_buffer, vocabulary, first_row: 1, count };
            recorder.predict(chunk, &output);
        });

        assert_eq!(got[..3], [0; 3], "the row before the chunk stays");
        for (row, logits) in logits.chunks(vocabulary).enumerate() {
            let largest = logits.iter().copied().fold(f32::MIN, f32::max);
            let token = logits.iter().position(|logit| *logit == largest).unwrap();
            let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
            let [got_token, logit, log_sum] = got[3 * (row + 1)..][..3] else {
                panic!("a row has three words")
            };
            assert_eq!((got_token as usize, f32::from_bits(logit)), (token, largest));
            assert_close(&[f32::from_bits(log_sum)], &[sum.ln()], 1e-4);
        }
    });
}

#[test]
fn an_error_of_the_device_is_reported_and_stays() {
    let bench = Bench::open();
    let small = bench.upload(&[0u32; 4]);
    let copy = |target: &Buffer| {
        let mut recorder = Recorder::new(&bench.gpu, &bench.kernels);
        recorder.copy(&small, 0, target, 2, 2);
        pollster::block_on(recorder.submit()).map(drop)
    };
    let other = bench.upload(&[0u32; 4]);
    copy(&other).unwrap();
    copy(&small).expect_err("a copy within one buffer is not valid");
    copy(&other).expect_err("the device failed before");
}

#[test]
fn what_kernels_could_not_read_is_refused() {
    let mut bench = Bench::open();
    let message = bench.gpu.storage("a giant", 1 << 16, 1 << 16).unwrap_err().to_string();
    assert_eq!(message, "the GPU failed: a giant takes 17179869184 bytes, a buffer may have 134217728");

    let odd = Matrix::random(TensorType::F32, 2, 6, &mut random(1));
    let kernels = bench.weight_kernels.get(&bench.gpu.device, odd.kind).unwrap();
    let message =
        Weights::upload(&bench.gpu, kernels, "odd", odd.kind, [2, 6], &odd.bytes).err().unwrap().to_string();
    assert_eq!(message, "tensor odd: its rows have 6 columns, which 4 does not divide");
}
