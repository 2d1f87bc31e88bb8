//! Logistic regression by Newton's method, drawn towards weights that are known to serve.

use mome_pack::Logistic;

/// Newton steps; the problem is convex and small, and this is more than enough.
const STEPS: usize = 40;

/// An example.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Labeled {
    /// Its features.
    pub(crate) features: Vec<f32>,
    /// Whether it is one of those whose probability is looked for.
    pub(crate) flag: bool,
    /// How much it counts.
    pub(crate) weight: f64,
}

/// Fits the log odds of the `examples` whose flag is set. `towards` is where the weights are drawn to, with `pull`: the
/// penalty on the squares of their differences, for features standardised over the examples and weights of examples
/// that sum to one. The bias is free.
pub(crate) fn fit(examples: &[Labeled], towards: &Logistic, pull: f64) -> Logistic {
    let features = towards.weights.len();
    let total = examples.iter().map(|example| example.weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let mean_of = |value: &dyn Fn(&[f32]) -> f64| {
        examples.iter().map(|example| example.weight * value(&example.features)).sum::<f64>() / total
    };
    let mean: Vec<f64> = (0..features).map(|i| mean_of(&|x| f64::from(x[i]))).collect();
    let deviation: Vec<f64> =
        (0..features).map(|i| mean_of(&|x| (f64::from(x[i]) - mean[i]).powi(2)).sqrt() + 1e-6).collect();
    let start: Vec<f64> = towards
        .weights
        .iter()
        .zip(&deviation)
        .map(|(&weight, deviation)| f64::from(weight) * deviation)
        .collect();
    let at_mean: f64 =
        towards.weights.iter().zip(&mean).map(|(&weight, mean)| f64::from(weight) * mean).sum();
    // The last coefficient is the bias.
    let mut coefficients: Vec<f64> =
        start.iter().copied().chain([f64::from(towards.bias) + at_mean]).collect();
    for _ in 0..STEPS {
        let mut gradient = vec![0f64; features + 1];
        let mut hessian = vec![vec![0f64; features + 1]; features + 1];
        for Labeled { features: x, flag, weight } in examples {
            let standard = (0..features).map(|i| (f64::from(x[i]) - mean[i]) / deviation[i]);
            let row: Vec<f64> = standard.chain([1.0]).collect();
            let log_odds: f64 = row.iter().zip(&coefficients).map(|(x, w)| x * w).sum();
            let probability = 1.0 / (1.0 + (-log_odds).exp());
            let (error, spread) =
                (probability - f64::from(u8::from(*flag)), probability * (1.0 - probability));
            let share = weight / total;
            for i in 0..=features {
                gradient[i] += error * row[i] * share;
                for j in 0..=features {
                    hessian[i][j] += spread * row[i] * row[j] * share;
                }
            }
        }
        for i in 0..features {
            gradient[i] += 2.0 * pull * (coefficients[i] - start[i]);
            hessian[i][i] += 2.0 * pull;
        }
        (0..=features).for_each(|i| hessian[i][i] += 1e-9);
        let step = solve(hessian, gradient);
        let largest = step.iter().fold(0f64, |largest, x| largest.max(x.abs()));
        let damping = (4.0 / largest).min(1.0);
        coefficients.iter_mut().zip(&step).for_each(|(w, step)| *w -= damping * step);
        if largest < 1e-9 {
            break;
        }
    }
    let weights: Vec<f32> = (0..features).map(|i| (coefficients[i] / deviation[i]) as f32).collect();
    let shift: f64 = (0..features).map(|i| coefficients[i] / deviation[i] * mean[i]).sum();
    Logistic { weights, bias: (coefficients[features] - shift) as f32 }
}

/// Solves a symmetric positive definite system by Gaussian elimination.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for pivot in 0..n {
        let (done, rest) = matrix.split_at_mut(pivot + 1);
        let pivot_row = &done[pivot];
        for (below, row) in rest.iter_mut().enumerate() {
            let factor = row[pivot] / pivot_row[pivot];
            row.iter_mut().zip(pivot_row).skip(pivot).for_each(|(x, above)| *x -= factor * above);
            right[pivot + 1 + below] -= factor * right[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labeled(features: &[f32], flag: bool) -> Labeled {
        Labeled { features: features.to_vec(), flag, weight: 1.0 }
    }

    fn flat(features: usize) -> Logistic {
        Logistic { weights: vec![0.0; features], bias: 0.0 }
    }

    fn boundary() -> Vec<Labeled> {
        let example = |i: usize| {
            let x = [(i % 20) as f32, (i / 20) as f32];
            labeled(&x, 2.0 * x[0] - x[1] + 3.0 * (i as f32 * 1.3).sin() > 8.0)
        };
        (0..400).map(example).collect()
    }

    #[test]
    fn a_boundary_is_found() {
        let examples = boundary();
        let fitted = fit(&examples, &flat(2), 1e-3);
        let right = |example: &&Labeled| (fitted.log_odds(&example.features) > 0.0) == example.flag;
        let right = examples.iter().filter(right).count();
        assert!(right > 370, "{right} of 400; {fitted:?}");
        assert!((fitted.weights[0] / -fitted.weights[1] - 2.0).abs() < 0.3, "{fitted:?}");
    }

    #[test]
    fn a_strong_pull_keeps_the_weights_and_moves_the_bias() {
        let towards = Logistic { weights: vec![0.5, 0.5], bias: -90.0 };
        let fitted = fit(&boundary(), &towards, 1e6);
        for weight in &fitted.weights {
            assert!((weight - 0.5).abs() < 1e-3, "{fitted:?}");
        }
        assert!(fitted.bias > -20.0, "{fitted:?}");
    }

    #[test]
    fn separable_examples_stay_finite() {
        let examples: Vec<Labeled> = (0..20).map(|i| labeled(&[i as f32], i >= 10)).collect();
        let fitted = fit(&examples, &flat(1), 1e-3);
        assert!(fitted.bias.is_finite() && fitted.weights[0] > 0.0, "{fitted:?}");
    }

    #[test]
    fn weights_shift_the_odds() {
        let examples = |weight: f64| {
            let half = (0..200).map(move |i| Labeled { weight, ..labeled(&[(i % 7) as f32], i % 2 == 0) });
            half.map(|example| if example.flag { Labeled { weight: 1.0, ..example } } else { example })
        };
        let odds = |weight: f64| fit(&examples(weight).collect::<Vec<_>>(), &flat(1), 1e-3);
        let (even, four_to_one) = (odds(1.0), odds(0.25));
        assert!((four_to_one.bias - even.bias - 4f32.ln()).abs() < 0.1, "{even:?} {four_to_one:?}");
    }
}
