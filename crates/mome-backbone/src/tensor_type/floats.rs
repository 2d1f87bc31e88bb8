//! Types that are not quantised.

use half::f16;
use half::slice::HalfFloatSliceExt;

pub(super) fn read_f32(bytes: &[u8], out: &mut [f32]) {
    for (number, value) in bytes.as_chunks().0.iter().zip(out) {
        *value = f32::from_le_bytes(*number);
    }
}

pub(super) fn read_f16(bytes: &[u8], out: &mut [f32]) {
    // In pieces, because the conversion of a slice uses the processor's own instructions.
    const PIECE: usize = 64;
    let mut halves = [f16::ZERO; PIECE];
    for (piece, values) in bytes.chunks(2 * PIECE).zip(out.chunks_mut(PIECE)) {
        let numbers = piece.as_chunks().0;
        for (number, half) in numbers.iter().zip(&mut halves) {
            *half = f16::from_le_bytes(*number);
        }
        let count = numbers.len().min(values.len());
        halves[..count].convert_to_f32_slice(&mut values[..count]);
    }
}

pub(super) fn read_bf16(bytes: &[u8], out: &mut [f32]) {
    for (number, value) in bytes.as_chunks().0.iter().zip(out) {
        *value = f32::from_bits(u32::from(u16::from_le_bytes(*number)) << 16);
    }
}
