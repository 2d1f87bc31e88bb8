//! Blocks of 256 elements whose sub-blocks have scales of their own: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K.
//!
//! Codes of two bits lie in bytes as follows: element `128 n + 32 j + l` (`n < 2`, `j < 4`, `l < 32`) has bits `2 j` and
//! up of byte `32 n + l`.

use half::f16;

use super::QuantizedBlock;

#[inline(always)]
pub(super) fn read_q2_k(bytes: &[u8; 84], block: &mut QuantizedBlock) {
    let (scales, rest) = bytes.split_at(16);
    let (pairs, rest) = rest.split_at(64);
    block.scale = half_at(rest, 0);
    block.minimum = half_at(rest, 2);
    for (sub, scale) in scales.iter().enumerate() {
        block.sub_scales[sub] = (scale & 15).cast_signed();
        block.sub_minimums[sub] = scale >> 4;
    }
    for (index, code) in block.codes.iter_mut().enumerate() {
        *code = pair_at(pairs, index);
    }
}

#[inline(always)]
pub(super) fn read_q3_k(bytes: &[u8; 110], block: &mut QuantizedBlock) {
    let (high, rest) = bytes.split_at(32);
    let (pairs, rest) = rest.split_at(64);
    let (scales, rest) = rest.split_at(12);
    block.scale = half_at(rest, 0);
    block.minimum = f16::ZERO;
    for sub in 0..16 {
        // Four bits each in the first eight bytes, two more in the last four.
        let low = if sub < 8 { scales[sub] & 15 } else { scales[sub - 8] >> 4 };
        let high = scales[8 + sub % 4] >> (2 * (sub / 4)) & 3;
        block.sub_scales[sub] = (high << 4 | low).cast_signed() - 32;
    }
    for (index, code) in block.codes.iter_mut().enumerate() {
        *code = high_bit_at(high, index) << 2 | pair_at(pairs, index);
    }
}

#[inline(always)]
pub(super) fn read_q4_k(bytes: &[u8; 144], block: &mut QuantizedBlock) {
    let (head, nibbles) = bytes.split_at(16);
    read_scales_and_minimums(head, block);
    for (index, code) in block.codes.iter_mut().enumerate() {
        *code = nibble_at(nibbles, index);
    }
}

#[inline(always)]
pub(super) fn read_q5_k(bytes: &[u8; 176], block: &mut QuantizedBlock) {
    let (head, rest) = bytes.split_at(16);
    let (high, nibbles) = rest.split_at(32);
    read_scales_and_minimums(head, block);
    for (index, code) in block.codes.iter_mut().enumerate() {
        *code = high_bit_at(high, index) << 4 | nibble_at(nibbles, index);
    }
}

#[inline(always)]
pub(super) fn read_q6_k(bytes: &[u8; 210], block: &mut QuantizedBlock) {
    let (nibbles, rest) = bytes.split_at(128);
    let (pairs, rest) = rest.split_at(64);
    let (scales, rest) = rest.split_at(16);
    block.scale = half_at(rest, 0);
    block.minimum = f16::ZERO;
    for (sub, scale) in scales.iter().enumerate() {
        block.sub_scales[sub] = scale.cast_signed();
    }
    for (index, code) in block.codes.iter_mut().enumerate() {
        // In each half of 128, bytes of nibbles hold elements 64 apart.
        let nibble = nibbles[index / 128 * 64 + index % 64] >> (index / 64 % 2 * 4) & 15;
        *code = pair_at(pairs, index) << 4 | nibble;
    }
}

/// Scale, minimum, and eight scales and minimums of six bits in twelve bytes.
#[inline(always)]
fn read_scales_and_minimums(head: &[u8], block: &mut QuantizedBlock) {
    block.scale = half_at(head, 0);
    block.minimum = half_at(head, 2);
    let packed = &head[4..];
    for sub in 0..8 {
        // The first four of each are whole; the others have four bits here and two above the first four.
        let (scale, minimum) = match sub {
            0..4 => (packed[sub] & 63, packed[sub + 4] & 63),
            _ => (
                packed[sub + 4] & 15 | packed[sub - 4] >> 6 << 4,
                packed[sub + 4] >> 4 | packed[sub] >> 6 << 4,
            ),
        };
        block.sub_scales[2 * sub..][..2].fill(scale.cast_signed());
        block.sub_minimums[2 * sub..][..2].fill(minimum);
    }
}

#[inline(always)]
fn half_at(bytes: &[u8], at: usize) -> f16 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[inline(always)]
fn pair_at(pairs: &[u8], index: usize) -> u8 {
    pairs[index / 128 * 32 + index % 32] >> (index / 32 % 4 * 2) & 3
}

/// Bit `j` of byte `l` belongs to element `32 j + l`.
#[inline(always)]
fn high_bit_at(bits: &[u8], index: usize) -> u8 {
    bits[index % 32] >> (index / 32) & 1
}

/// In Q4_K and Q5_K, bytes of nibbles hold elements 32 apart.
#[inline(always)]
fn nibble_at(nibbles: &[u8], index: usize) -> u8 {
    nibbles[index / 64 * 32 + index % 32] >> (index / 32 % 2 * 4) & 15
}
