//! Rotary position embedding (RoPE, arXiv 2104.09864) on GGUF's interleaved pairs.

use std::ops::Range;

use mome_backbone::Config;

/// The rotations of some positions.
pub(super) struct Rotations {
    /// `[positions, rope_width / 2]`: sine and cosine of each pair's angle.
    sin_cos: Vec<(f32, f32)>,
    rope_width: usize,
    head_width: usize,
}

impl Rotations {
    /// Pair i of position p turns by `p * base^(-2 i / rope_width)`.
    pub(super) fn new(config: &Config, positions: Range<usize>) -> Self {
        let pairs = config.rope_width / 2;
        let frequencies: Vec<f32> = (0..pairs)
            .map(|pair| config.rope_base.powf(-(2.0 * pair as f32) / config.rope_width as f32))
            .collect();
        let angles =
            positions.flat_map(|position| frequencies.iter().map(move |turn| position as f32 * turn));
        let sin_cos = angles.map(f32::sin_cos).collect();
        Self { sin_cos, rope_width: config.rope_width, head_width: config.head_width }
    }

    /// Rotates the heads of `x [positions, heads, head_width]`.
    pub(super) fn apply(&self, x: &mut [f32], heads: usize) {
        let pairs = self.rope_width / 2;
        for (token, sin_cos) in x.chunks_mut(heads * self.head_width).zip(self.sin_cos.chunks(pairs)) {
            for head in token.chunks_mut(self.head_width) {
                for ([a, b], (sin, cos)) in head.as_chunks_mut().0.iter_mut().zip(sin_cos) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }
}
