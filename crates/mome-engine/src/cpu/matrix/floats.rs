//! Panels of weights that are not quantised, and their product.

use super::TOKENS;
use super::element::Element;
use crate::cpu::simd::{Kernel, LANES, Simd};

/// Sixteen rows at a time: `[panels, columns, 16]`; rows that are not there are zeros.
pub(super) struct FloatPanels<E> {
    columns: usize,
    weights: Vec<[E; LANES]>,
}

impl<E: Element> FloatPanels<E> {
    /// From `weights [rows, columns]`.
    pub(super) fn pack(mut weights: impl Iterator<Item = E>, rows: usize, columns: usize) -> Self {
        let mut packed = vec![[E::ZERO; LANES]; rows.div_ceil(LANES) * columns];
        for row in 0..rows {
            let panel = &mut packed[row / LANES * columns..][..columns];
            for (lanes, weight) in panel.iter_mut().zip(weights.by_ref()) {
                lanes[row % LANES] = weight;
            }
        }
        Self { columns, weights: packed }
    }

    /// Writes one row to `out`.
    pub(super) fn copy_row(&self, row: usize, out: &mut [f32]) {
        let panel = &self.weights[row / LANES * self.columns..];
        for (out, weights) in out.iter_mut().zip(panel) {
            *out = weights[row % LANES].single();
        }
    }
}

/// The product of some panels with `x [tokens, columns]`: `out [panels, tokens, 16]`, from panel `first` on.
pub(super) struct FloatProduct<'a, E> {
    pub panels: &'a FloatPanels<E>,
    pub first: usize,
    pub x: &'a [f32],
    pub tokens: usize,
    pub out: &'a mut [[f32; LANES]],
}

impl<E: Element> Kernel for FloatProduct<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { panels, first, x, tokens, out } = self;
        let columns = panels.columns;
        let panels = panels.weights[first * columns..].chunks_exact(columns);
        for (panel, out) in panels.zip(out.chunks_exact_mut(tokens)) {
            let (groups, rest) = out.as_chunks_mut::<TOKENS>();
            let grouped = groups.len() * TOKENS;
            for (group, out) in groups.iter_mut().enumerate() {
                multiply::<S, E, TOKENS>(simd, panel, &x[group * TOKENS * columns..], out);
            }
            for (index, out) in rest.iter_mut().enumerate() {
                multiply::<S, E, 1>(
                    simd,
                    panel,
                    &x[(grouped + index) * columns..],
                    std::array::from_mut(out),
                );
            }
        }
    }
}

/// One panel with `T` tokens. Even and odd columns are summed apart, which keeps the multipliers busy.
#[inline(always)]
fn multiply<S: Simd, E: Element, const T: usize>(
    simd: S,
    panel: &[[E; LANES]],
    x: &[f32],
    out: &mut [[f32; LANES]; T],
) {
    let columns = panel.len();
    let x: [&[f32]; T] = std::array::from_fn(|token| &x[token * columns..][..columns]);
    let mut even = [simd.splat(0.0); T];
    let mut odd = [simd.splat(0.0); T];
    let (pairs, last) = panel.as_chunks::<2>();
    for (index, [first, second]) in pairs.iter().enumerate() {
        let (first, second) = (E::load(simd, first), E::load(simd, second));
        for token in 0..T {
            even[token] = simd.mul_add(first, simd.splat(x[token][2 * index]), even[token]);
            odd[token] = simd.mul_add(second, simd.splat(x[token][2 * index + 1]), odd[token]);
        }
    }
    for weights in last {
        let weights = E::load(simd, weights);
        for token in 0..T {
            even[token] = simd.mul_add(weights, simd.splat(x[token][columns - 1]), even[token]);
        }
    }
    for token in 0..T {
        simd.store(simd.add(even[token], odd[token]), &mut out[token]);
    }
}
