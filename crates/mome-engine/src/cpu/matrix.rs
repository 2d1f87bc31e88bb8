//! Weights as they are in the file, and their product with activations.

use std::ops::Range;
use std::sync::Arc;

use mome_backbone::{Backbone, Tensor, TensorType};

use super::simd::{self, Kernel, LANES, Lanes, lane_sums, sum};
use crate::EngineError;

/// Rows of weights that are dequantised together.
const ROWS: usize = 4;
/// Tokens whose dot products with these rows are summed together: eight sums keep AVX2's multipliers busy, and
/// still nearly fit where registers are half as wide.
const TOKENS: usize = 2;
/// Multiplications below which more threads cost more than they bring.
#[cfg(not(target_arch = "wasm32"))]
const WORTH_A_THREAD: usize = 1 << 18;

/// A weight matrix `[rows, columns]`, in the bytes of its file.
pub(super) struct Matrix {
    file: Arc<[u8]>,
    range: Range<usize>,
    kind: TensorType,
    rows: usize,
    columns: usize,
}

impl Matrix {
    /// Finds a tensor and checks its shape.
    pub(super) fn load(
        backbone: &Backbone,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Self, EngineError> {
        let tensor = find(backbone, name)?;
        if (tensor.rows(), tensor.columns()) != (rows, columns) {
            let problem = format!("its shape is {:?}, not [{columns}, {rows}]", tensor.shape);
            return Err(EngineError::Tensor { name: name.to_owned(), problem });
        }
        let range = tensor.offset..tensor.offset + tensor.data.len();
        Ok(Self { file: backbone.bytes().clone(), range, kind: tensor.kind, rows, columns })
    }

    /// Appends one row to `out`.
    pub(super) fn append_row(&self, row: usize, out: &mut Vec<f32>) {
        let bytes = self.kind.row_bytes(self.columns);
        let start = out.len();
        out.resize(start + self.columns, 0.0);
        self.kind.dequantize(&self.data()[row * bytes..][..bytes], &mut out[start..]);
    }

    /// Multiplies: from `x [tokens, columns]` to `[tokens, rows]`.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let tokens = x.len() / self.columns;
        if tokens == 0 {
            return Vec::new();
        }
        let mut by_row = vec![0.0; self.rows * tokens];
        let share = self.rows.div_ceil(self.threads(tokens)).next_multiple_of(ROWS);
        let row_bytes = self.kind.row_bytes(self.columns);
        let shares = self.data().chunks(share * row_bytes).zip(by_row.chunks_mut(share * tokens));
        let products =
            shares.map(|(weights, out)| Product { kind: self.kind, columns: self.columns, weights, x, out });
        run_all(products);
        if tokens == 1 { by_row } else { transpose(&by_row, self.rows, tokens) }
    }

    fn data(&self) -> &[u8] {
        &self.file[self.range.clone()]
    }

    /// How many threads to share a product among: one where the caller is itself one of many.
    #[cfg(not(target_arch = "wasm32"))]
    fn threads(&self, tokens: usize) -> usize {
        let worth = self.rows * self.columns * tokens / WORTH_A_THREAD;
        if rayon::current_thread_index().is_some() { 1 } else { worth.clamp(1, rayon::current_num_threads()) }
    }

    #[cfg(target_arch = "wasm32")]
    fn threads(&self, _tokens: usize) -> usize {
        1
    }
}

/// Reads a vector, which norms are.
pub(super) fn load_vector(backbone: &Backbone, name: &str, length: usize) -> Result<Vec<f32>, EngineError> {
    let mut vector = Vec::with_capacity(length);
    Matrix::load(backbone, name, 1, length)?.append_row(0, &mut vector);
    Ok(vector)
}

fn find<'a>(backbone: &'a Backbone, name: &str) -> Result<Tensor<'a>, EngineError> {
    backbone
        .tensor(name)
        .ok_or_else(|| EngineError::Tensor { name: name.to_owned(), problem: "it is missing".to_owned() })
}

fn run_all<'a>(products: impl ExactSizeIterator<Item = Product<'a>> + Send) {
    #[cfg(not(target_arch = "wasm32"))]
    if products.len() > 1 {
        rayon::scope(|scope| products.for_each(|product| scope.spawn(move |_| simd::run(product))));
        return;
    }
    products.for_each(simd::run);
}

/// The product of some rows of weights with activations.
struct Product<'a> {
    kind: TensorType,
    columns: usize,
    /// Whole rows.
    weights: &'a [u8],
    /// `[tokens, columns]`
    x: &'a [f32],
    /// `[rows, tokens]`
    out: &'a mut [f32],
}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { kind, columns, weights, x, out } = self;
        let tokens = x.len() / columns;
        let mut rows = vec![0.0; ROWS * columns];
        let mut sums = vec![[0.0; LANES]; ROWS * tokens];
        let row_bytes = kind.row_bytes(columns);
        for (weights, out) in weights.chunks(ROWS * row_bytes).zip(out.chunks_mut(ROWS * tokens)) {
            kind.dequantize(weights, &mut rows);
            if out.len() == ROWS * tokens {
                multiply::<FMA, ROWS>(&rows, x, columns, &mut sums);
            } else {
                for (row, sums) in rows.chunks(columns).zip(sums.chunks_mut(tokens)).take(out.len() / tokens)
                {
                    multiply::<FMA, 1>(row, x, columns, sums);
                }
            }
            // Only here, not where they are made: next to each other, the two confuse the vectoriser.
            for (out, sums) in out.iter_mut().zip(&sums) {
                *out = sum(*sums);
            }
        }
    }
}

/// Multiplies dequantised `rows [R, columns]` with all activations: `sums [R, tokens]`.
#[inline(always)]
fn multiply<const FMA: bool, const R: usize>(rows: &[f32], x: &[f32], columns: usize, sums: &mut [Lanes]) {
    let tokens = x.len() / columns;
    let grouped = tokens / TOKENS * TOKENS;
    for token in (0..grouped).step_by(TOKENS) {
        let products = lane_sums::<FMA, R, TOKENS>(rows, &x[token * columns..], columns);
        for row in 0..R {
            sums[row * tokens + token..][..TOKENS].copy_from_slice(&products[row]);
        }
    }
    for token in grouped..tokens {
        let products = lane_sums::<FMA, R, 1>(rows, &x[token * columns..], columns);
        for row in 0..R {
            sums[row * tokens + token] = products[row][0];
        }
    }
}

/// From `[rows, tokens]` to `[tokens, rows]`.
fn transpose(by_row: &[f32], rows: usize, tokens: usize) -> Vec<f32> {
    let mut by_token = vec![0.0; by_row.len()];
    for (token, out) in by_token.chunks_mut(rows).enumerate() {
        for (row, value) in out.iter_mut().enumerate() {
            *value = by_row[row * tokens + token];
        }
    }
    by_token
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any shape, any type, with and without fused multiply-add, against a loop in double precision. Bytes
        /// are small numbers times a scale, so that sums stay exact enough to compare.
        #[test]
        fn products_equal_a_naive_loop(
            kind in proptest::sample::select(&TensorType::SUPPORTED),
            (rows, blocks, tokens) in (1usize..14, 1usize..9, 1usize..9),
            seed in any::<u32>(),
        ) {
            let columns = blocks * kind.block_len();
            let numbers = (0..).scan(seed, |state, _| {
                *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                Some((*state >> 24) as u8)
            });
            let weights: Vec<u8> = match kind {
                TensorType::F32 => numbers.take(rows * columns).flat_map(|n| f32::from(n).to_le_bytes()).collect(),
                TensorType::F16 => {
                    let halves = numbers.take(rows * columns).map(|n| half::f16::from_f32(n.into()));
                    halves.flat_map(half::f16::to_le_bytes).collect()
                }
                TensorType::BF16 => {
                    let brains = numbers.take(rows * columns).map(|n| half::bf16::from_f32(n.into()));
                    brains.flat_map(half::bf16::to_le_bytes).collect()
                }
                // Without the top bits no scale is infinite or no number.
                _ => numbers.take(rows * kind.row_bytes(columns)).map(|byte| byte & 0x3f).collect(),
            };
            let x: Vec<f32> = (0..tokens * columns).map(|at| (at * 37 % 101) as f32 / 50.0 - 1.0).collect();
            let mut values = vec![0.0; rows * columns];
            kind.dequantize(&weights, &mut values);

            let mut fused = vec![0.0; rows * tokens];
            simd::run(Product { kind, columns, weights: &weights, x: &x, out: &mut fused });
            let mut plain = vec![0.0; rows * tokens];
            Product { kind, columns, weights: &weights, x: &x, out: &mut plain }.run::<false>();
            for (row, values) in values.chunks(columns).enumerate() {
                for (token, x) in x.chunks(columns).enumerate() {
                    let products = values.iter().zip(x).map(|(a, b)| f64::from(*a) * f64::from(*b));
                    let (sum, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
                    for found in [fused[row * tokens + token], plain[row * tokens + token]] {
                        prop_assert!((f64::from(found) - sum).abs() <= 1e-5 * size, "{found} for {sum}");
                    }
                }
            }
        }
    }

    #[test]
    fn transposes() {
        assert_eq!(transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
