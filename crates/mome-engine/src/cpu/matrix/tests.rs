//! Products of every type, with every set of instructions at hand, against a loop in double precision.

use mome_backbone::TensorType;
use proptest::prelude::*;

use super::*;

/// Rows of random weights of a type, whose scales are moderate numbers.
fn random_weights(kind: TensorType, count: usize, seed: u32) -> Vec<u8> {
    let numbers = (0..).scan(seed, |state: &mut u32, _| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 24) as u8)
    });
    let bytes = count / kind.block_len() * kind.block_bytes();
    match kind {
        TensorType::F32 => numbers.take(count).flat_map(|n| (f32::from(n) - 99.5).to_le_bytes()).collect(),
        TensorType::F16 => {
            numbers.take(count).flat_map(|n| f16::from_f32(f32::from(n) - 99.5).to_le_bytes()).collect()
        }
        TensorType::BF16 => {
            numbers.take(count).flat_map(|n| bf16::from_f32(f32::from(n) - 99.5).to_le_bytes()).collect()
        }
        _ => {
            let scales: &[usize] = match kind {
                TensorType::Q4_1 | TensorType::Q5_1 | TensorType::Q4_K | TensorType::Q5_K => &[0, 2],
                TensorType::Q2_K => &[80, 82],
                TensorType::Q3_K => &[108],
                TensorType::Q6_K => &[208],
                _ => &[0],
            };
            let mut weights: Vec<u8> = numbers.take(bytes).collect();
            for block in weights.chunks_exact_mut(kind.block_bytes()) {
                for at in scales {
                    let scale = f16::from_f32((f32::from(block[*at]) - 120.3) / 256.0);
                    block[*at..*at + 2].copy_from_slice(&scale.to_le_bytes());
                }
            }
            weights
        }
    }
}

/// Multiplies with some instructions: `[tokens, rows]`.
fn product(level: Level, matrix: &Matrix, first: usize, x: &[f32]) -> Vec<[f32; LANES]> {
    let mut activations = Activations::default();
    let quantized = matrix.is_quantized();
    activations.set(level, x, matrix.columns(), quantized, !quantized);
    let mut out = vec![[f32::NAN; LANES]; (matrix.panels() - first) * activations.tokens];
    matrix.multiply(level, first, &activations, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn products_equal_a_naive_loop(
        kind in proptest::sample::select(&TensorType::SUPPORTED),
        (rows, blocks, tokens) in (1usize..50, 1usize..9, 1usize..11),
        seed in any::<u32>(),
    ) {
        let columns = blocks * kind.block_len();
        let weights = random_weights(kind, rows * columns, seed);
        let x: Vec<f32> = (0..tokens * columns)
            .map(|at| ((at * 37 + seed as usize % 1000) % 101) as f32 / 50.0 - 1.0)
            .collect();
        let mut values = vec![0.0; rows * columns];
        kind.dequantize(&weights, &mut values);
        let matrix = Matrix::pack(kind, &weights, rows, columns);
        for level in Level::available() {
            let out = product(level, &matrix, 0, &x);
            for (row, values) in values.chunks(columns).enumerate() {
                for (token, x) in x.chunks(columns).enumerate() {
                    let products = values.iter().zip(x).map(|(a, b)| f64::from(*a) * f64::from(*b));
                    let (sum, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
                    let minimum = values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
                    let slack = 1e-5 * size + 1e-5 * f64::from(minimum) * columns as f64;
                    let found = out[row / LANES * tokens + token][row % LANES];
                    prop_assert!((f64::from(found) - sum).abs() <= slack, "{level:?} {found} for {sum}");
                }
            }
        }
    }

    /// A token's products have the same bits whether it comes alone or with others, and from any panel on.
    #[test]
    fn company_changes_no_bit(
        kind in proptest::sample::select(&TensorType::SUPPORTED),
        (rows, blocks, tokens) in (17usize..50, 1usize..5, 2usize..11),
        seed in any::<u32>(),
    ) {
        let columns = blocks * kind.block_len();
        let matrix = Matrix::pack(kind, &random_weights(kind, rows * columns, seed), rows, columns);
        let x: Vec<f32> = (0..tokens * columns).map(|at| (at * 29 % 97) as f32 / 48.0 - 1.0).collect();
        for level in Level::available() {
            let all = product(level, &matrix, 0, &x);
            for (token, x) in x.chunks(columns).enumerate() {
                let alone = product(level, &matrix, 1, x);
                for (panel, alone) in alone.iter().enumerate() {
                    prop_assert_eq!(*alone, all[(panel + 1) * tokens + token]);
                }
            }
        }
    }

    #[test]
    fn rows_are_those_of_the_file(
        kind in proptest::sample::select(&TensorType::SUPPORTED),
        (rows, blocks) in (1usize..40, 1usize..5),
        seed in any::<u32>(),
    ) {
        let columns = blocks * kind.block_len();
        let weights = random_weights(kind, rows * columns, seed);
        let matrix = Matrix::pack(kind, &weights, rows, columns);
        let (mut expected, mut found) = (vec![0.0; columns], vec![f32::NAN; columns]);
        for (row, weights) in weights.chunks(kind.row_bytes(columns)).enumerate() {
            kind.dequantize(weights, &mut expected);
            matrix.copy_row(row, &mut found);
            prop_assert_eq!(&found, &expected);
        }
    }
}

/// What is no number, in weights or activations, comes out as such and stops nothing.
#[test]
fn numbers_that_are_none_go_through() {
    for kind in TensorType::SUPPORTED {
        let columns = 2 * kind.block_len();
        let matrix = Matrix::pack(kind, &vec![255; kind.row_bytes(columns)], 1, columns);
        let good = Matrix::pack(kind, &random_weights(kind, columns, 7), 1, columns);
        for level in Level::available() {
            assert!(product(level, &matrix, 0, &vec![1.0; columns])[0][0].is_nan(), "{kind:?}");
            for bad in [f32::NAN, f32::INFINITY] {
                let mut x = vec![1.0; columns];
                x[columns - 1] = bad;
                assert!(!product(level, &good, 0, &x)[0][0].is_finite(), "{kind:?}");
            }
        }
    }
}
