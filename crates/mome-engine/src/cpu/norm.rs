//! RMSNorm and LayerNorm.

use mome_backbone::{Norm, NormKind};

use super::simd::dot;

/// Norms each row of `x [rows, d]` as a backbone's layers do.
pub(super) fn norm(kind: NormKind, epsilon: f32, x: &[f32], weights: &Norm<Vec<f32>>) -> Vec<f32> {
    let mut normed = x.to_vec();
    match kind {
        NormKind::Rms => rms_norm(&mut normed, &weights.weight, epsilon),
        NormKind::Layer => layer_norm(&mut normed, weights, epsilon),
    }
    normed
}

/// RMSNorm of each row of `x [rows, columns]`, in place; `weight [columns]`.
pub(super) fn rms_norm(x: &mut [f32], weight: &[f32], epsilon: f32) {
    for row in x.chunks_mut(weight.len()) {
        let mean_square = dot::<false>(row, row) / row.len() as f32;
        let scale = 1.0 / (mean_square + epsilon).sqrt();
        for (value, weight) in row.iter_mut().zip(weight) {
            *value *= scale * weight;
        }
    }
}

/// LayerNorm of each row of `x [rows, d]`, in place.
fn layer_norm(x: &mut [f32], Norm { weight, bias }: &Norm<Vec<f32>>, epsilon: f32) {
    for row in x.chunks_mut(weight.len()) {
        let mean = row.iter().sum::<f32>() / row.len() as f32;
        row.iter_mut().for_each(|value| *value -= mean);
        let variance = dot::<false>(row, row) / row.len() as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for (value, weight) in row.iter_mut().zip(weight) {
            *value *= scale * weight;
        }
        for (value, bias) in row.iter_mut().zip(bias.iter().flatten()) {
            *value += bias;
        }
    }
}
