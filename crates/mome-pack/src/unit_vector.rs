//! Vectors of length one in eight bits a component, of a width that is fixed.

use crate::PackError;
use crate::bytes::Reader;

/// Width of queries and of the keys of slots: d_k.
pub const KEY_WIDTH: usize = 64;

/// A vector of length one, quantised to `i8`. Only its direction is kept: the components are scaled so that the
/// largest is 127, and reading divides by the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitVector<const N: usize>(pub [i8; N]);

impl<const N: usize> UnitVector<N> {
    /// The direction of `vector`; the zero vector where it has none.
    #[must_use]
    pub fn quantize(vector: &[f32; N]) -> Self {
        let largest = vector.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        if largest == 0.0 || !largest.is_finite() {
            return Self([0; N]);
        }
        Self(vector.map(|x| (x / largest * 127.0).round() as i8))
    }

    /// The vector of length one; zero where there is no direction.
    #[must_use]
    pub fn dequantize(&self) -> [f32; N] {
        let square: i32 = self.0.iter().map(|&x| i32::from(x) * i32::from(x)).sum();
        let scale = if square == 0 { 0.0 } else { 1.0 / (square as f32).sqrt() };
        self.0.map(|x| f32::from(x) * scale)
    }

    pub(crate) fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, PackError> {
        Ok(Self(reader.array::<N>(field)?.map(|byte| byte as i8)))
    }

    pub(crate) fn bytes(&self) -> [u8; N] {
        self.0.map(|x| x as u8)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn direction_survives(vector in prop::array::uniform32(-1f32..1.0)) {
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            prop_assume!(length > 1e-3);
            let back = UnitVector::quantize(&vector).dequantize();
            let cosine = vector.iter().zip(back).map(|(a, b)| a * b).sum::<f32>() / length;
            prop_assert!(cosine > 0.999, "{cosine}");
            prop_assert!((back.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn nothing_has_no_direction() {
        assert_eq!(UnitVector::quantize(&[0.0; 4]).dequantize(), [0.0; 4]);
        assert_eq!(UnitVector::quantize(&[f32::INFINITY, 0.0]).dequantize(), [0.0; 2]);
    }
}
