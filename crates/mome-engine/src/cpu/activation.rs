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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
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
}
