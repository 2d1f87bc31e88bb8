//! Logistic regression by Newton's method.

/// Weights of a logistic regression over `N` features, on features as they come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logistic<const N: usize> {
    /// One weight for each feature.
    pub weights: [f32; N],
    /// Added to the weighted sum.
    pub bias: f32,
}

/// Penalty on the squares of the weights of standardised features.
const RIDGE: f64 = 1e-3;

/// Newton steps; the problem is convex and small, and this is more than enough.
const STEPS: usize = 40;

/// An example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled<const N: usize> {
    /// Its features.
    pub features: [f32; N],
    /// Whether it is one of those whose probability is looked for.
    pub flag: bool,
    /// How much it counts.
    pub weight: f64,
}

/// Fits the log odds of the `examples` whose flag is set, with features standardised and a small ridge penalty.
#[must_use]
pub fn fit<const N: usize>(examples: &[Labelled<N>]) -> Logistic<N> {
    let total = examples.iter().map(|example| example.weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let mean_of = |value: &dyn Fn(&[f32; N]) -> f64| {
        examples.iter().map(|example| example.weight * value(&example.features)).sum::<f64>() / total
    };
    let mean: [f64; N] = std::array::from_fn(|i| mean_of(&|x| f64::from(x[i])));
    let deviation: [f64; N] =
        std::array::from_fn(|i| mean_of(&|x| (f64::from(x[i]) - mean[i]).powi(2)).sqrt() + 1e-6);
    // The last coefficient is the bias.
    let mut coefficients = vec![0f64; N + 1];
    for _ in 0..STEPS {
        let mut gradient = vec![0f64; N + 1];
        let mut hessian = vec![vec![0f64; N + 1]; N + 1];
        for Labelled { features: x, flag, weight } in examples {
            let row: Vec<f64> =
                (0..N).map(|i| (f64::from(x[i]) - mean[i]) / deviation[i]).chain([1.0]).collect();
            let log_odds: f64 = row.iter().zip(&coefficients).map(|(x, w)| x * w).sum();
            let probability = 1.0 / (1.0 + (-log_odds).exp());
            let (error, spread) =
                (probability - f64::from(u8::from(*flag)), probability * (1.0 - probability));
            let share = weight / total;
            for i in 0..=N {
                gradient[i] += error * row[i] * share;
                for j in 0..=N {
                    hessian[i][j] += spread * row[i] * row[j] * share;
                }
            }
        }
        for i in 0..=N {
            let ridge = if i < N { 2.0 * RIDGE } else { 0.0 };
            gradient[i] += ridge * coefficients[i];
            hessian[i][i] += ridge + 1e-9;
        }
        let step = solve(hessian, gradient);
        let largest = step.iter().fold(0f64, |largest, x| largest.max(x.abs()));
        let damping = (4.0 / largest).min(1.0);
        coefficients.iter_mut().zip(&step).for_each(|(w, step)| *w -= damping * step);
        if largest < 1e-9 {
            break;
        }
    }
    let weights: [f32; N] = std::array::from_fn(|i| (coefficients[i] / deviation[i]) as f32);
    let shift: f64 = (0..N).map(|i| coefficients[i] / deviation[i] * mean[i]).sum();
    Logistic { weights, bias: (coefficients[N] - shift) as f32 }
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

    fn labelled<const N: usize>(features: [f32; N], flag: bool) -> Labelled<N> {
        Labelled { features, flag, weight: 1.0 }
    }

    #[test]
    fn a_boundary_is_found() {
        let examples: Vec<Labelled<2>> = (0..400)
            .map(|i| {
                let x = [(i % 20) as f32, (i / 20) as f32];
                labelled(x, 2.0 * x[0] - x[1] + 3.0 * (i as f32 * 1.3).sin() > 8.0)
            })
            .collect();
        let fitted = fit(&examples);
        let log_odds = |x: [f32; 2]| fitted.bias + fitted.weights[0] * x[0] + fitted.weights[1] * x[1];
        let right = |example: &&Labelled<2>| (log_odds(example.features) > 0.0) == example.flag;
        let right = examples.iter().filter(right).count();
        assert!(right > 370, "{right} of 400; {fitted:?}");
        assert!((fitted.weights[0] / -fitted.weights[1] - 2.0).abs() < 0.3, "{fitted:?}");
    }

    #[test]
    fn separable_examples_stay_finite() {
        let examples: Vec<Labelled<1>> = (0..20).map(|i| labelled([i as f32], i >= 10)).collect();
        let fitted = fit(&examples);
        assert!(fitted.bias.is_finite() && fitted.weights[0] > 0.0, "{fitted:?}");
    }

    #[test]
    fn weights_shift_the_odds() {
        let examples = |weight: f64| {
            let half = (0..200).map(move |i| Labelled { weight, ..labelled([(i % 7) as f32], i % 2 == 0) });
            half.map(|example| if example.flag { Labelled { weight: 1.0, ..example } } else { example })
        };
        let odds = |weight: f64| fit(&examples(weight).collect::<Vec<_>>());
        let (even, four_to_one) = (odds(1.0), odds(0.25));
        assert!((four_to_one.bias - even.bias - 4f32.ln()).abs() < 0.1, "{even:?} {four_to_one:?}");
    }
}
