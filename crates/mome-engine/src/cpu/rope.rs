//! Rotary position embedding (RoPE, arXiv 2104.09864).

use std::ops::Range;

use mome_backbone::{Rope, RopePairs};

/// By how much each pair turns from one position to the next, `[rope width / 2]`: pair i by `base^(-2 i / width)`,
/// divided by its factor where there are any.
pub(super) fn frequencies(rope: Rope, factors: Option<&[f32]>) -> Vec<f32> {
    let frequency = |pair: usize| rope.base.powf(-(2.0 * pair as f32) / rope.width as f32);
    let factor = |pair: usize| factors.map_or(1.0, |factors| factors[pair]);
    (0..rope.width / 2).map(|pair| frequency(pair) / factor(pair)).collect()
}

/// The rotations of some positions.
pub(super) struct Rotations {
    /// `[positions, rope width / 2]`: sine and cosine of each pair's angle.
    sin_cos: Vec<(f32, f32)>,
    rope: Rope,
    head_width: usize,
}

impl Rotations {
    /// The angles of these positions.
    pub(super) fn new(rope: Rope, head_width: usize, frequencies: &[f32], positions: Range<usize>) -> Self {
        let angles =
            positions.flat_map(|position| frequencies.iter().map(move |turn| position as f32 * turn));
        Self { sin_cos: angles.map(f32::sin_cos).collect(), rope, head_width }
    }

    /// Rotates the heads of `x [positions, heads, head_width]`.
    pub(super) fn apply(&self, x: &mut [f32], heads: usize) {
        let pairs = self.rope.width / 2;
        for (token, sin_cos) in x.chunks_mut(heads * self.head_width).zip(self.sin_cos.chunks(pairs)) {
            for head in token.chunks_mut(self.head_width) {
                let head = &mut head[..self.rope.width];
                match self.rope.pairs {
                    RopePairs::Interleaved => {
                        let pairs = head.as_chunks_mut().0.iter_mut().map(|[a, b]| (a, b));
                        rotate(pairs, sin_cos);
                    }
                    RopePairs::HalfSplit => {
                        let (left, right) = head.split_at_mut(pairs);
                        rotate(left.iter_mut().zip(right), sin_cos);
                    }
                }
            }
        }
    }
}

fn rotate<'a>(pairs: impl Iterator<Item = (&'a mut f32, &'a mut f32)>, sin_cos: &[(f32, f32)]) {
    for ((a, b), (sin, cos)) in pairs.zip(sin_cos) {
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    }
}
