//! Numbers as the bytes of a tensor: what ggml's reference functions make of them.

use half::f16;

use super::TensorType;

/// Elements in a block of the quantised types here.
const BLOCK: usize = 32;

impl TensorType {
    /// These numbers in this type, a whole number of blocks; `None` for types that cannot be made: all but F32, Q4_0 and
    /// Q8_0.
    #[must_use]
    pub fn quantize(self, numbers: &[f32]) -> Option<Vec<u8>> {
        let (blocks, _) = numbers.as_chunks::<BLOCK>();
        match self {
            Self::F32 => Some(numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
            Self::Q8_0 => Some(blocks.iter().flat_map(write_q8_0).collect()),
            Self::Q4_0 => Some(blocks.iter().flat_map(write_q4_0).collect()),
            _ => None,
        }
    }
}

fn write_q8_0(numbers: &[f32; BLOCK]) -> [u8; 2 + BLOCK] {
    let scale = numbers.iter().fold(0f32, |most, number| most.max(number.abs())) / 127.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    let mut block = [0; 2 + BLOCK];
    block[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    for (byte, number) in block[2..].iter_mut().zip(numbers) {
        *byte = ((number * inverse).round() as i8).cast_unsigned();
    }
    block
}

/// The number that is farthest from zero becomes -8.
fn write_q4_0(numbers: &[f32; BLOCK]) -> [u8; 2 + BLOCK / 2] {
    let farthest =
        numbers.iter().fold(0f32, |most, number| if number.abs() > most.abs() { *number } else { most });
    let scale = farthest / -8.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    let nibble = |number: f32| ((number * inverse + 8.5) as u8).min(15);
    let mut block = [0; 2 + BLOCK / 2];
    block[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    let (low, high) = numbers.split_at(BLOCK / 2);
    for (byte, (low, high)) in block[2..].iter_mut().zip(low.iter().zip(high)) {
        *byte = nibble(*low) | nibble(*high) << 4;
    }
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(kind: TensorType, numbers: &[f32]) -> Vec<f32> {
        let mut back = vec![0.0; numbers.len()];
        kind.dequantize(&kind.quantize(numbers).unwrap(), &mut back);
        back
    }

    proptest! {
        /// Half a step of the largest number's scale, and what the scale itself is rounded by.
        #[test]
        fn numbers_come_back_but_for_rounding(numbers in prop::collection::vec(-4.0f32..4.0, 64)) {
            for (kind, steps) in [(TensorType::Q8_0, 127.0), (TensorType::Q4_0, 8.0)] {
                for (numbers, back) in numbers.chunks(32).zip(there_and_back(kind, &numbers).chunks(32)) {
                    let most = numbers.iter().fold(0f32, |most, number| most.max(number.abs()));
                    // Of sixteen steps, eight are below zero and seven above: what lies opposite the farthest is cut.
                    let cut = if kind == TensorType::Q4_0 { most / 8.0 } else { most / 254.0 };
                    for (number, back) in numbers.iter().zip(back) {
                        prop_assert!((number - back).abs() <= cut + most / 1000.0 + 1e-7, "{number} {back} {steps}");
                    }
                }
            }
            prop_assert_eq!(there_and_back(TensorType::F32, &numbers), numbers);
        }

        /// Reading a file and writing it again changes nothing.
        #[test]
        fn what_was_quantized_stays(numbers in prop::collection::vec(-4.0f32..4.0, 64)) {
            let once = there_and_back(TensorType::Q8_0, &numbers);
            prop_assert_eq!(there_and_back(TensorType::Q8_0, &once), once);
        }
    }

    #[test]
    fn zeros_are_zeros_and_other_types_are_not_made() {
        assert_eq!(there_and_back(TensorType::Q8_0, &[0.0; 32]), [0.0; 32]);
        assert_eq!(there_and_back(TensorType::Q4_0, &[0.0; 32]), [0.0; 32]);
        assert_eq!(TensorType::Q4_K.quantize(&[0.0; 256]), None);
    }
}
