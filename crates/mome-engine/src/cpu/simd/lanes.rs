//! Loops over plain floats that the compiler turns into the vectors of whatever it compiles for.

use super::Simd;

/// Partial sums of a dot product.
const PARTS: usize = 32;

/// `a * b + c`, rounded once where that is as fast as rounding twice.
#[inline(always)]
pub(in crate::cpu) fn multiply_add<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if S::FMA { a.mul_add(b, c) } else { a * b + c }
}

/// The dot product of two vectors of one length.
#[inline(always)]
pub(in crate::cpu) fn dot<S: Simd>(a: &[f32], b: &[f32]) -> f32 {
    let mut parts = [0.0; PARTS];
    let (a, a_end) = a.as_chunks::<PARTS>();
    let (b, b_end) = b.as_chunks::<PARTS>();
    for (a, b) in a.iter().zip(b) {
        for part in 0..PARTS {
            parts[part] = multiply_add::<S>(a[part], b[part], parts[part]);
        }
    }
    for ((part, a), b) in parts.iter_mut().zip(a_end).zip(b_end) {
        *part = multiply_add::<S>(*a, *b, *part);
    }
    sum(parts)
}

/// Adds parts up, halving them again and again.
#[inline(always)]
fn sum(mut parts: [f32; PARTS]) -> f32 {
    let mut half = PARTS / 2;
    while half > 0 {
        for part in 0..half {
            parts[part] += parts[part + half];
        }
        half /= 2;
    }
    parts[0]
}

/// The sum of some numbers, in the order of [`dot`].
#[inline(always)]
pub(in crate::cpu) fn total(numbers: &[f32]) -> f32 {
    let mut parts = [0.0; PARTS];
    let (chunks, end) = numbers.as_chunks::<PARTS>();
    for chunk in chunks {
        for part in 0..PARTS {
            parts[part] += chunk[part];
        }
    }
    for (part, number) in parts.iter_mut().zip(end) {
        *part += number;
    }
    sum(parts)
}

/// The largest number; negative infinity where there is none. NaN counts as none.
#[inline(always)]
pub(in crate::cpu) fn largest(numbers: &[f32]) -> f32 {
    let mut parts = [f32::NEG_INFINITY; PARTS];
    let (chunks, end) = numbers.as_chunks::<PARTS>();
    for chunk in chunks {
        for part in 0..PARTS {
            parts[part] = if chunk[part] > parts[part] { chunk[part] } else { parts[part] };
        }
    }
    end.iter()
        .chain(&parts)
        .fold(f32::NEG_INFINITY, |best, number| if *number > best { *number } else { best })
}

/// The index of the largest number, the lowest among equals; `None` where there is nothing. NaN counts as nothing.
#[inline(always)]
pub(in crate::cpu) fn index_of_largest(numbers: &[f32]) -> Option<usize> {
    let largest = largest(numbers);
    let index = numbers.iter().position(|number| *number == largest);
    if index.is_none() && !numbers.is_empty() { Some(0) } else { index }
}

/// The exponential function to some 2e-7, relative, without branches: by powers of two and a polynomial for what is
/// left (coefficients from the Cephes library, expf.c). Results beyond e^88.3 are infinite, those
/// below the least normal number are about that number.
#[inline(always)]
pub(in crate::cpu) fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// Added to a number of moderate size, puts its nearest integer into the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    /// Beyond this the power of two would not be a float.
    const HIGHEST: f32 = 88.3;
    // Comparisons that leave NaN as it is.
    let x = if x < -87.3 { -87.3 } else { x };
    let x = if x > HIGHEST { f32::INFINITY } else { x };
    let finite = if x > HIGHEST { HIGHEST } else { x };
    let rounded = finite * std::f32::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    let rest = finite - power * LN_2_HIGH - power * LN_2_LOW;
    let mut polynomial = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        polynomial = polynomial * rest + coefficient;
    }
    let scale = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    let value = (polynomial * rest * rest + rest + 1.0) * scale;
    if x > HIGHEST { x } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::portable::Portable;
    use super::*;

    proptest! {
        #[test]
        fn exponentials_are_close(x in -87.0f32..88.2) {
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            prop_assert!((found - expected).abs() <= 3e-7 * expected, "{x}: {found} {expected}");
        }

        #[test]
        fn sums_equal_naive_ones(numbers in proptest::collection::vec(-1.0f32..1.0, 0..200)) {
            let products: Vec<f64> = numbers.iter().map(|x| f64::from(*x) * f64::from(*x)).collect();
            let square: f64 = products.iter().sum();
            let sum: f64 = numbers.iter().copied().map(f64::from).sum();
            prop_assert!((f64::from(dot::<Portable>(&numbers, &numbers)) - square).abs() < 1e-4);

            prop_assert!((f64::from(total(&numbers)) - sum).abs() < 1e-4);
            let expected = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(largest(&numbers), expected);
        }
    }

    #[test]
    fn extremes_of_the_exponential() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(1000.0), f32::INFINITY);
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
        assert!(exp(f32::NAN).is_nan());
    }
}
