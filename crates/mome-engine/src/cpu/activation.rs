//! What lies between the matrices of the feed-forward layer.

use super::simd::{Kernel, Level, Simd, exp};

/// SwiGLU: `up = silu(gate) * up`.
pub(super) fn gated_silu(level: Level, gate: &[f32], up: &mut [f32]) {
    level.run(GatedSilu { gate, up });
}

/// GeGLU: `up = gelu(gate) * up`.
pub(super) fn gated_gelu(level: Level, gate: &mut [f32], up: &mut [f32]) {
    gelu(level, gate);
    up.iter_mut().zip(gate).for_each(|(up, gate)| *up *= *gate);
}

/// GELU of each number, by its approximation with tanh.
pub(super) fn gelu(level: Level, x: &mut [f32]) {
    level.run(Gelu(x));
}

/// GELU of each number as it is defined, `x / 2 (1 + erf(x / sqrt(2)))`.
pub(super) fn gelu_erf(level: Level, x: &mut [f32]) {
    level.run(GeluErf(x));
}

struct GatedSilu<'a> {
    gate: &'a [f32],
    up: &'a mut [f32],
}

impl Kernel for GatedSilu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        for (up, gate) in self.up.iter_mut().zip(self.gate) {
            *up *= gate / (1.0 + exp(-gate));
        }
    }
}

struct Gelu<'a>(&'a mut [f32]);

impl Kernel for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        /// `sqrt(8 / pi)`: twice the factor within tanh, since `1 + tanh(z) = 2 / (1 + exp(-2 z))`.
        const FACTOR: f32 = 1.595_769_2;
        for x in self.0 {
            let twice = FACTOR * (*x + 0.044_715 * *x * *x * *x);
            *x /= 1.0 + exp(-twice);
        }
    }
}

struct GeluErf<'a>(&'a mut [f32]);

impl Kernel for GeluErf<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        for x in self.0 {
            // Where x is below zero, 1 + erf is erfc of the magnitude.
            let half_erfc = 0.5 * erfc(x.abs() * std::f32::consts::FRAC_1_SQRT_2);
            *x *= if *x < 0.0 { half_erfc } else { 1.0 - half_erfc };
        }
    }
}

/// The complementary error function of what is not negative, to 1.5e-7 (Abramowitz and Stegun, Handbook of Mathematical
/// Functions, 7.1.26).
#[inline(always)]
fn erfc(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let mut polynomial = 1.061_405_4;
    for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
        polynomial = polynomial * t + coefficient;
    }
    polynomial * t * exp(-x * x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// erf by its Taylor series, which alternates: in double precision it is good up to 5.
    fn erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    proptest! {
        #[test]
        fn the_exact_gelu_equals_its_definition(numbers in proptest::collection::vec(-5.0f32..5.0, 1..70)) {
            for level in Level::available() {
                let mut gelus = numbers.clone();
                gelu_erf(level, &mut gelus);
                for (x, gelu) in numbers.iter().copied().map(f64::from).zip(gelus) {
                    let expected = 0.5 * x * (1.0 + erf(x / 2f64.sqrt()));
                    prop_assert!((f64::from(gelu) - expected).abs() < 1e-6, "{x}: {gelu} for {expected}");
                }
            }
        }

        #[test]
        fn equal_their_definitions(numbers in proptest::collection::vec(-100.0f32..100.0, 1..70)) {
            for level in Level::available() {
                let (mut gated, mut gelus) = (vec![2.0; numbers.len()], numbers.clone());
                gated_silu(level, &numbers, &mut gated);
                gelu(level, &mut gelus);
                let mut halves = vec![0.5; numbers.len()];
                gated_gelu(level, &mut numbers.clone(), &mut halves);
                prop_assert!(halves.iter().zip(&gelus).all(|(half, gelu)| *half == 0.5 * gelu));
                for ((x, gated), gelu) in numbers.iter().copied().map(f64::from).zip(gated).zip(gelus) {
                    let silu = x / (1.0 + (-x).exp());
                    prop_assert!((f64::from(gated) - 2.0 * silu).abs() < 1e-5 * x.abs().max(1.0));
                    let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                    let expected = 0.5 * x * (1.0 + inner.tanh());
                    prop_assert!((f64::from(gelu) - expected).abs() < 1e-5 * x.abs().max(1.0), "{x}: {gelu}");
                }
            }
        }
    }

    #[test]
    fn the_exact_gelu_of_large_numbers() {
        for level in Level::available() {
            let mut numbers = [1e4, -1e4, 30.0, -30.0, 0.0, f32::NAN];
            gelu_erf(level, &mut numbers);
            assert_eq!(numbers[0], 1e4);
            assert!(numbers[1].abs() < 1e-30);
            assert_eq!(numbers[2], 30.0);
            assert!(numbers[3].abs() < 1e-30);
            assert_eq!(numbers[4], 0.0);
            assert!(numbers[5].is_nan());
        }
    }
}
