//! Routing keys: embeddings of length one in eight bits a component, as wide as the encoder makes them.

use crate::PackError;
use crate::bytes::Reader;

/// The widest embedding that a pack may have.
pub const MAX_ROUTING_WIDTH: usize = 4096;

/// An embedding of length one, quantised to `i8`. Only its direction is kept: the components are scaled so that the
/// largest is 127, and reading divides by the length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutingKey(pub Box<[i8]>);

impl RoutingKey {
    /// The direction of `vector`; the zero vector where it has none.
    #[must_use]
    pub fn quantize(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        if largest == 0.0 || !largest.is_finite() {
            return Self(vec![0; vector.len()].into());
        }
        Self(vector.iter().map(|x| (x / largest * 127.0).round() as i8).collect())
    }

    /// The vector of length one; zero where there is no direction.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        let square: i64 = self.0.iter().map(|&x| i64::from(x) * i64::from(x)).sum();
        let scale = if square == 0 { 0.0 } else { 1.0 / (square as f32).sqrt() };
        self.0.iter().map(|&x| f32::from(x) * scale).collect()
    }

    /// How many components.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn read(
        reader: &mut Reader<'_>,
        width: usize,
        field: &'static str,
    ) -> Result<Self, PackError> {
        Ok(Self(reader.take(width, field)?.iter().map(|&byte| byte as i8).collect()))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|&x| x as u8).collect()
    }
}

/// A width that stands in an object, checked.
pub(crate) fn read_width(reader: &mut Reader<'_>, object: &'static str) -> Result<usize, PackError> {
    match usize::from(reader.u16("width of routing keys")?) {
        width if (1..=MAX_ROUTING_WIDTH).contains(&width) => Ok(width),
        width => {
            let problem = format!("is {width}, not from 1 to {MAX_ROUTING_WIDTH}");
            Err(PackError::field(object, "width of routing keys", problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn direction_survives(vector in prop::collection::vec(-1f32..1.0, 1..400)) {
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            prop_assume!(length > 1e-3);
            let back = RoutingKey::quantize(&vector).dequantize();
            let cosine = vector.iter().zip(&back).map(|(a, b)| a * b).sum::<f32>() / length;
            prop_assert!(cosine > 0.999, "{cosine}");
            prop_assert!((back.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn nothing_has_no_direction() {
        assert_eq!(RoutingKey::quantize(&[0.0; 4]).dequantize(), [0.0; 4]);
        assert_eq!(RoutingKey::quantize(&[f32::INFINITY, 0.0]).dequantize(), [0.0; 2]);
    }
}
