//! RMSNorm and LayerNorm.

use mome_backbone::{Config, Norm, NormKind};

use super::simd::{Kernel, Level, Simd, dot, total};

/// Norms each row of `x [rows, d]` as a backbone's layers do, into `out`.
pub(super) fn norm(
    level: Level,
    config: &Config,
    x: &[f32],
    Norm { weight, bias }: &Norm<Vec<f32>>,
    out: &mut Vec<f32>,
) {
    out.clear();
    out.extend_from_slice(x);
    let (epsilon, centered) = (config.norm_epsilon, config.norm == NormKind::Layer);
    level.run(NormRows { x: out, weight, epsilon, centered });
    add_bias(out, bias, weight.len());
}

/// LayerNorm of each row of `x [rows, d]`, in place.
pub(super) fn layer_norm(level: Level, x: &mut [f32], Norm { weight, bias }: &Norm<Vec<f32>>, epsilon: f32) {
    level.run(NormRows { x, weight, epsilon, centered: true });
    add_bias(x, bias, weight.len());
}

fn add_bias(x: &mut [f32], bias: &Option<Vec<f32>>, columns: usize) {
    for row in x.chunks_mut(columns) {
        for (value, bias) in row.iter_mut().zip(bias.iter().flatten()) {
            *value += bias;
        }
    }
}

/// RMSNorm of each row of `x [rows, columns]`, in place; `weight [columns]`.
pub(super) fn rms_norm(level: Level, x: &mut [f32], weight: &[f32], epsilon: f32) {
    level.run(NormRows { x, weight, epsilon, centered: false });
}

/// Scales rows to a variance of one about their mean or about zero, and then by the weights.
struct NormRows<'a> {
    x: &'a mut [f32],
    weight: &'a [f32],
    epsilon: f32,
    /// Whether the mean is taken off first.
    centered: bool,
}

impl Kernel for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { x, weight, epsilon, centered } = self;
        for row in x.chunks_exact_mut(weight.len()) {
            let columns = row.len() as f32;
            if centered {
                let mean = total(row) / columns;
                for value in row.iter_mut() {
                    *value -= mean;
                }
            }
            let variance = dot::<S>(row, row) / columns;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for (value, weight) in row.iter_mut().zip(weight) {
                *value *= scale * weight;
            }
        }
    }
}
