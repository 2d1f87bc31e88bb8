//! Activations as integers of 16 bits, in blocks of 32 that share a scale.
//!
//! The largest of a block becomes 32767, so that a rounding error is at most 1 / 65534 of it: close to what sums of
//! floats lose anyway, while products with the integers of quantised weights are exact.

use crate::cpu::simd::{Kernel, Level, Simd};

/// Columns of a block, and of a tile of weights.
pub(super) const BLOCK: usize = 32;

/// The largest magnitude of an integer.
const LARGEST: f32 = 32767.0;

/// 32 columns of one token: each is `scale` times an integer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ActivationBlock {
    /// The integers, two in each word.
    pub pairs: [i32; BLOCK / 2],
    pub scale: f32,
    /// The sums of the first and of the last sixteen integers.
    pub sums: [i32; 2],
}

/// What matrices are multiplied with, `[tokens, columns]`. Its room is used again and again.
#[derive(Default)]
pub(in crate::cpu) struct Activations {
    pub(super) tokens: usize,
    /// As they are; empty where only quantised matrices read them.
    pub(super) floats: Vec<f32>,
    /// `[columns / 32, tokens]`; empty where only matrices of floats read them.
    pub(super) blocks: Vec<ActivationBlock>,
}

impl Activations {
    /// Takes in `x [tokens, columns]`, as matrices of either sort need it.
    pub(in crate::cpu) fn set(
        &mut self,
        level: Level,
        x: &[f32],
        columns: usize,
        quantized: bool,
        floats: bool,
    ) {
        self.tokens = x.len() / columns;
        self.floats.clear();
        if floats {
            self.floats.extend_from_slice(x);
        }
        self.blocks.clear();
        if quantized {
            self.blocks.resize(x.len() / BLOCK, ActivationBlock::default());
            level.run(Quantize { x, columns, blocks: &mut self.blocks });
        }
    }
}

struct Quantize<'a> {
    x: &'a [f32],
    columns: usize,
    blocks: &'a mut [ActivationBlock],
}

impl Kernel for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let tokens = self.x.len() / self.columns;
        for (token, row) in self.x.chunks(self.columns).enumerate() {
            for (index, values) in row.as_chunks::<BLOCK>().0.iter().enumerate() {
                quantize(values, &mut self.blocks[index * tokens + token]);
            }
        }
    }
}

#[inline(always)]
fn quantize(values: &[f32; BLOCK], block: &mut ActivationBlock) {
    /// Added to a number of moderate size, puts its nearest integer into the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // The bits of magnitudes sort like magnitudes, infinity and what is no number last.
    let mut largest = 0;
    for value in values {
        largest = largest.max(value.to_bits() & 0x7fff_ffff);
    }
    let largest = f32::from_bits(largest);
    let inverse = if largest > 1e-30 { LARGEST / largest } else { 0.0 };
    let mut integers = [0i16; BLOCK];
    for at in 0..BLOCK {
        integers[at] = (values[at] * inverse + ROUND).to_bits() as i16;
    }
    // A number that is none makes the whole sum none.
    block.scale = if largest.is_finite() { largest / LARGEST } else { f32::NAN };
    let mut sums = [0; 2];
    for at in 0..BLOCK {
        sums[at / 16] += i32::from(integers[at]);
    }
    block.sums = sums;
    block.pairs = bytemuck::cast(integers);
}
