//! The little linear algebra that reading and memorising share.

/// Scales a vector to length one; leaves zero alone.
pub fn normalize(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

/// The inner product, summed in eight lanes so that it vectorises, and the same on every machine.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0f32; 8];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

/// The sum of some vectors of this width.
pub fn sum<'a>(width: usize, vectors: impl IntoIterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    sum
}

/// `ln(exp(a) + exp(b))`.
#[must_use]
pub fn log_sum_exp(a: f32, b: f32) -> f32 {
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}
