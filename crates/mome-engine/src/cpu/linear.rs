//! Linear layers: products of one input with several matrices, shared among threads.

use super::matrix::{Activations, Matrix};
use super::simd::LANES;
use super::simd::Level;
use super::threads::Processor;

/// A matrix and its bias.
pub(super) type Linear = mome_backbone::Linear<Matrix, Vec<f32>>;

/// Multiplications for which it is worth while to involve another thread.
const WORTH_A_THREAD: usize = 1 << 17;

/// Room for products, used again and again.
#[derive(Default)]
pub(super) struct Products {
    activations: Activations,
    /// `[panels, tokens, 16]`, the matrices' one after the other.
    panels: Vec<[f32; LANES]>,
}

impl Products {
    /// `W x + b` for each row of `x [tokens, columns]`, by each layer, into its `[tokens, rows]`.
    pub(super) fn linear<const N: usize>(
        &mut self,
        processor: &Processor,
        x: &[f32],
        layers: [(&Linear, &mut Vec<f32>); N],
    ) {
        let matrices = layers.each_ref().map(|(layer, _)| &layer.weight);
        let mut products = self.multiply(processor, x, matrices);
        for (layer, out) in layers {
            let rows = layer.weight.rows();
            products = gather(products, x.len() / layer.weight.columns(), rows, out);
            if let Some(bias) = &layer.bias {
                out.chunks_mut(rows).for_each(|row| add(row, bias));
            }
        }
    }

    /// `W x` for each row of `x [tokens, columns]`, into `[tokens, rows]`.
    pub(super) fn matrix(&mut self, processor: &Processor, x: &[f32], matrix: &Matrix, out: &mut Vec<f32>) {
        let products = self.multiply(processor, x, [matrix]);
        gather(products, x.len() / matrix.columns(), matrix.rows(), out);
    }

    /// All products: `[panels, tokens, 16]`, one matrix after the other.
    fn multiply<const N: usize>(
        &mut self,
        processor: &Processor,
        x: &[f32],
        matrices: [&Matrix; N],
    ) -> &[[f32; LANES]] {
        let columns = matrices[0].columns();
        let tokens = x.len() / columns;
        let quantized = matrices.iter().any(|matrix| matrix.is_quantized());
        let floats = matrices.iter().any(|matrix| !matrix.is_quantized());
        self.activations.set(processor.level, x, columns, quantized, floats);
        let panels: usize = matrices.iter().map(|matrix| matrix.panels()).sum();
        if self.panels.len() < panels * tokens {
            self.panels.resize(panels * tokens, [0.0; LANES]);
        }
        let (activations, out) = (&self.activations, &mut self.panels[..panels * tokens]);
        let worth = panels * LANES * columns * tokens / WORTH_A_THREAD;
        processor.share(out, tokens, worth, |first, out| {
            multiply_panels(processor.level, &matrices, first, activations, out, tokens);
        });
        out
    }
}

/// Multiplies panels of matrices that are counted through, from `first` on: `out [panels, tokens, 16]`.
fn multiply_panels(
    level: Level,
    matrices: &[&Matrix],
    mut first: usize,
    x: &Activations,
    mut out: &mut [[f32; LANES]],
    tokens: usize,
) {
    for matrix in matrices {
        let panels = matrix.panels();
        if first < panels {
            let own = ((panels - first) * tokens).min(out.len());
            let (own, others) = out.split_at_mut(own);
            matrix.multiply(level, first, x, own);
            out = others;
        }
        first = first.saturating_sub(panels);
    }
}

/// Takes the products of the first matrix, `[panels, tokens, 16]`, as `[tokens, rows]`. Returns those of the others.
fn gather<'a>(
    products: &'a [[f32; LANES]],
    tokens: usize,
    rows: usize,
    out: &mut Vec<f32>,
) -> &'a [[f32; LANES]] {
    let (own, others) = products.split_at(rows.div_ceil(LANES) * tokens);
    out.clear();
    for token in 0..tokens {
        for panel in own.chunks_exact(tokens) {
            out.extend_from_slice(&panel[token]);
        }
        out.truncate((token + 1) * rows);
    }
    others
}

/// Adds `y` to `x`.
pub(super) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}
