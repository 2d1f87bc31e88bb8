//! The little mathematics that reading, memorizing and training share. Sums run in one order on every machine.

use num_traits::Float;

/// Scales a vector to length one; leaves zero alone.
pub fn normalize(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

/// The inner product, summed in eight lanes so that it vectorises.
#[must_use]
pub fn dot<F: Float>(a: &[F], b: &[F]) -> F {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut lanes = [F::zero(); 8];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            lanes[lane] = lanes[lane] + a[lane] * b[lane];
        }
    }
    let add = |sum: F, x: F| sum + x;
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).fold(F::zero(), add);
    lanes.into_iter().fold(F::zero(), add) + rest
}

/// The sum of some vectors of this width.
pub fn sum<'a>(width: usize, vectors: impl IntoIterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    sum
}

/// `ln(exp(a) + exp(b))`, also where an exponential is more than a number holds.
#[must_use]
pub fn log_add_exp<F: Float>(a: F, b: F) -> F {
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

/// `ln(exp(first) + exp(others[0]) + ...)`, likewise.
#[must_use]
pub fn log_sum_exp(first: f64, others: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = others.clone().fold(first, f64::max);
    top + ((first - top).exp() + others.map(|x| (x - top).exp()).sum::<f64>()).ln()
}

/// Turns scores into shares that sum to one, of which `null`, a score of its own, gets the rest.
pub fn softmax_beside(null: f64, scores: &mut [f64]) {
    let top = scores.iter().copied().fold(null, f64::max);
    scores.iter_mut().for_each(|score| *score = (*score - top).exp());
    let total = (null - top).exp() + scores.iter().sum::<f64>();
    scores.iter_mut().for_each(|score| *score /= total);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_those_of_plain_loops(values in prop::collection::vec((-2f64..2.0, -2f64..2.0), 0..40)) {
            let (a, b): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
            let plain: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            prop_assert!((dot(&a, &b) - plain).abs() < 1e-12);
            let narrow = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
            prop_assert!((f64::from(dot(&narrow(&a), &narrow(&b))) - plain).abs() < 1e-4);
        }

        #[test]
        fn exponentials_are_added(first in -5f64..5.0, others in prop::collection::vec(-5f64..5.0, 0..9)) {
            let plain = others.iter().fold(first.exp(), |sum, x| sum + x.exp()).ln();
            prop_assert!((log_sum_exp(first, others.iter().copied()) - plain).abs() < 1e-12);
            let one_by_one = others.iter().fold(first, |sum, &x| log_add_exp(sum, x));
            prop_assert!((one_by_one - plain).abs() < 1e-12);

            let mut shares = others.clone();
            softmax_beside(first, &mut shares);
            for (share, score) in shares.iter().zip(&others) {
                prop_assert!((share - (score - plain).exp()).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_no_number_holds_is_added_all_the_same() {
        assert_eq!(log_add_exp(2000.0, 0.0), 2000.0);
        assert_eq!(log_sum_exp(-2000.0, [2000.0, 1.0].into_iter()), 2000.0);
        let mut shares = [3000.0, -3000.0];
        softmax_beside(0.0, &mut shares);
        assert_eq!(shares, [1.0, 0.0]);
    }
}
