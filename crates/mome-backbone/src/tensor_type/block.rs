//! A quantised block taken apart, in one form for all types.

use half::f16;

use super::TensorType;

/// How many elements share a sub-scale: the fewest of any type.
const SUB_BLOCK: usize = 16;

/// A quantised block taken apart. With `v` the value of `codes[i]` ([`TensorType::code_value`]) and `s = i / 16`,
/// element `i` is `scale * sub_scales[s] * v - minimum * sub_minimums[s]`.
#[derive(Clone, Debug)]
pub struct QuantizedBlock {
    /// The scale of the block.
    pub scale: f16,
    /// What is subtracted; zero for types without a minimum.
    pub minimum: f16,
    /// Scales of sixteen elements each; ones for types that have only one scale.
    pub sub_scales: [i8; 16],
    /// Minimums of sixteen elements each.
    pub sub_minimums: [u8; 16],
    /// The code of each element: as many as the type's blocks have elements, then others.
    pub codes: [u8; 256],
}

impl Default for QuantizedBlock {
    fn default() -> Self {
        Self {
            scale: f16::ZERO,
            minimum: f16::ZERO,
            sub_scales: [1; 16],
            sub_minimums: [1; 16],
            codes: [0; 256],
        }
    }
}

impl QuantizedBlock {
    /// Writes the elements to `out`, which has as many.
    #[inline]
    pub(super) fn dequantize(&self, kind: TensorType, out: &mut [f32]) {
        let (scale, minimum) = (self.scale.to_f32_const(), self.minimum.to_f32_const());
        let (codes, _) = self.codes.as_chunks::<SUB_BLOCK>();
        for (sub, (out, codes)) in out.chunks_mut(SUB_BLOCK).zip(codes).enumerate() {
            let scale = scale * f32::from(self.sub_scales[sub]);
            let minimum = minimum * f32::from(self.sub_minimums[sub]);
            for (out, code) in out.iter_mut().zip(codes) {
                *out = scale * f32::from(kind.code_value(*code)) - minimum;
            }
        }
    }
}
