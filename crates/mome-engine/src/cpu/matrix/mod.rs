//! Weight matrices, packed for vector instructions: rows in panels of sixteen, one for each lane.
//!
//! [`quantized`] has the panels of quantised types and [`product`] their product with the integers that
//! [`activations`] makes of floats; [`floats`] is both for the other types.

mod activations;
mod element;
mod floats;
mod product;
mod quantized;
#[cfg(test)]
mod tests;

use half::{bf16, f16};
use mome_backbone::TensorType;

use super::simd::{LANES, Level};
pub(super) use activations::Activations;
use floats::{FloatPanels, FloatProduct};
use product::QuantizedProduct;
use quantized::{Packing, QuantizedPanels};

/// Tokens that are multiplied together, so that a weight in a register serves several: their sums take all registers
/// there are.
const TOKENS: usize = if cfg!(target_arch = "wasm32") { 3 } else { 4 };

/// A weight matrix `[rows, columns]`.
pub(super) struct Matrix {
    rows: usize,
    columns: usize,
    weights: Weights,
}

enum Weights {
    Quantized(QuantizedPanels),
    F32(FloatPanels<f32>),
    F16(FloatPanels<f16>),
    BF16(FloatPanels<bf16>),
}

impl Matrix {
    /// Packs `data`, rows of a tensor of that type.
    pub(super) fn pack(kind: TensorType, data: &[u8], rows: usize, columns: usize) -> Self {
        let halves = || data.as_chunks().0.iter().copied();
        let weights = match (Packing::of(kind), kind) {
            (Some(packing), _) => {
                Weights::Quantized(QuantizedPanels::pack(kind, packing, data, rows, columns))
            }
            (None, TensorType::F16) => {
                Weights::F16(FloatPanels::pack(halves().map(f16::from_le_bytes), rows, columns))
            }
            (None, TensorType::BF16) => {
                Weights::BF16(FloatPanels::pack(halves().map(bf16::from_le_bytes), rows, columns))
            }
            (None, _) => {
                let singles = data.as_chunks().0.iter().copied();
                Weights::F32(FloatPanels::pack(singles.map(f32::from_le_bytes), rows, columns))
            }
        };
        Self { rows, columns, weights }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Elements in a row.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Whether it reads activations as integers.
    pub(super) fn is_quantized(&self) -> bool {
        matches!(self.weights, Weights::Quantized(_))
    }

    /// Panels of sixteen rows, the last one perhaps in part.
    pub(super) fn panels(&self) -> usize {
        self.rows.div_ceil(LANES)
    }

    /// Writes one row to `out [columns]`.
    pub(super) fn copy_row(&self, row: usize, out: &mut [f32]) {
        match &self.weights {
            Weights::Quantized(panels) => panels.copy_row(row, out),
            Weights::F32(panels) => panels.copy_row(row, out),
            Weights::F16(panels) => panels.copy_row(row, out),
            Weights::BF16(panels) => panels.copy_row(row, out),
        }
    }

    /// Multiplies some panels, from `first` on, with `x [tokens, columns]`: `out [panels, tokens, 16]`.
    pub(super) fn multiply(&self, level: Level, first: usize, x: &Activations, out: &mut [[f32; LANES]]) {
        let (tokens, floats) = (x.tokens, &x.floats);
        match &self.weights {
            Weights::Quantized(panels) => {
                level.run(QuantizedProduct { panels, first, x: &x.blocks, tokens, out });
            }
            Weights::F32(panels) => level.run(FloatProduct { panels, first, x: floats, tokens, out }),
            Weights::F16(panels) => level.run(FloatProduct { panels, first, x: floats, tokens, out }),
            Weights::BF16(panels) => level.run(FloatProduct { panels, first, x: floats, tokens, out }),
        }
    }
}
