//! Blocks of 32 elements: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL.

use half::f16;

use super::QuantizedBlock;

/// What the sixteen codes of IQ4_NL stand for.
pub(super) const IQ4_NL_VALUES: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// Also IQ4_NL, whose nibbles mean something else.
#[inline(always)]
pub(super) fn read_q4_0([low, high, nibbles @ ..]: &[u8; 18], block: &mut QuantizedBlock) {
    set_scales(block, f16::from_le_bytes([*low, *high]), f16::ZERO);
    read_nibbles(nibbles, [0; 4], block);
}

#[inline(always)]
pub(super) fn read_q4_1([low, high, m_low, m_high, nibbles @ ..]: &[u8; 20], block: &mut QuantizedBlock) {
    set_scales(block, f16::from_le_bytes([*low, *high]), -f16::from_le_bytes([*m_low, *m_high]));
    read_nibbles(nibbles, [0; 4], block);
}

#[inline(always)]
pub(super) fn read_q5_0([low, high, a, b, c, d, nibbles @ ..]: &[u8; 22], block: &mut QuantizedBlock) {
    set_scales(block, f16::from_le_bytes([*low, *high]), f16::ZERO);
    read_nibbles(nibbles, [*a, *b, *c, *d], block);
}

#[inline(always)]
pub(super) fn read_q5_1(bytes: &[u8; 24], block: &mut QuantizedBlock) {
    let [low, high, m_low, m_high, a, b, c, d, nibbles @ ..] = bytes;
    set_scales(block, f16::from_le_bytes([*low, *high]), -f16::from_le_bytes([*m_low, *m_high]));
    read_nibbles(nibbles, [*a, *b, *c, *d], block);
}

#[inline(always)]
pub(super) fn read_q8_0([low, high, quants @ ..]: &[u8; 34], block: &mut QuantizedBlock) {
    set_scales(block, f16::from_le_bytes([*low, *high]), f16::ZERO);
    for (code, quant) in block.codes.iter_mut().zip(quants) {
        *code = quant ^ 128;
    }
}

#[inline(always)]
fn set_scales(block: &mut QuantizedBlock, scale: f16, minimum: f16) {
    block.scale = scale;
    block.minimum = minimum;
    block.sub_scales = [1; 16];
    block.sub_minimums = [1; 16];
}

/// Low nibbles are the first half of the block, high nibbles the second; bit i of `fifth` is the fifth bit of
/// element i.
#[inline(always)]
fn read_nibbles(nibbles: &[u8; 16], fifth: [u8; 4], block: &mut QuantizedBlock) {
    let fifth = u32::from_le_bytes(fifth);
    for (at, nibble) in nibbles.iter().enumerate() {
        block.codes[at] = (nibble & 15) + 16 * (fifth >> at & 1) as u8;
        block.codes[at + 16] = (nibble >> 4) + 16 * (fifth >> (at + 16) & 1) as u8;
    }
}
