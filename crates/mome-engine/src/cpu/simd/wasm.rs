//! WebAssembly's 128-bit vectors: sixteen lanes are four of them.

use std::arch::wasm32::*;

use half::f16;

use super::portable::Portable;
use super::{LANES, Simd, Vector};

/// The target has simd128.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Wasm;

/// Four vectors.
type Four = [v128; 4];

#[inline(always)]
fn each(a: Four, b: Four, operation: impl Fn(v128, v128) -> v128) -> Four {
    [operation(a[0], b[0]), operation(a[1], b[1]), operation(a[2], b[2]), operation(a[3], b[3])]
}

impl Simd for Wasm {
    type Codes = Four;
    type Sums = Four;
    type Floats = Four;

    const FMA: bool = false;

    #[inline(always)]
    fn codes(self, vector: &Vector) -> Four {
        let [a, b, c, d] = bytemuck::cast::<[u16; 2 * LANES], [[u16; 8]; 4]>(vector.0);
        [eight(a), eight(b), eight(c), eight(d)]
    }

    #[inline(always)]
    fn field(self, codes: Four, shift: u32, mask: u16) -> Four {
        each(codes, [u16x8_splat(mask); 4], |codes, mask| v128_and(u16x8_shr(codes, shift), mask))
    }

    #[inline(always)]
    fn join(self, low: Four, high: Four, shift: u32) -> Four {
        each(low, high, |low, high| v128_or(low, u16x8_shl(high, shift)))
    }

    #[inline(always)]
    fn lookup(self, codes: Four, table: &[u8; 16]) -> Four {
        let table = u64x2(
            u64::from_le_bytes([
                table[0], table[1], table[2], table[3], table[4], table[5], table[6], table[7],
            ]),
            u64::from_le_bytes([
                table[8], table[9], table[10], table[11], table[12], table[13], table[14], table[15],
            ]),
        );
        // An index beyond the table makes a zero: so the upper bytes stay zeros.
        let upper = u16x8_splat(0x8000);
        each(codes, [table; 4], |codes, table| u8x16_swizzle(table, v128_or(codes, upper)))
    }

    #[inline(always)]
    fn sums(self, value: i32) -> Four {
        [i32x4_splat(value); 4]
    }

    #[inline(always)]
    fn dot(self, codes: Four, pair: i32, sums: Four) -> Four {
        let products = each(codes, [i32x4_splat(pair); 4], i32x4_dot_i16x8);
        each(sums, products, i32x4_add)
    }

    #[inline(always)]
    fn to_floats(self, sums: Four) -> Four {
        sums.map(f32x4_convert_i32x4)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Four {
        [f32x4_splat(value); 4]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Four {
        let four = |at: usize| f32x4(values[at], values[at + 1], values[at + 2], values[at + 3]);
        [four(0), four(4), four(8), four(12)]
    }

    #[inline(always)]
    fn load_halves(self, halves: &[f16; LANES]) -> Four {
        self.load(&Portable.load_halves(halves))
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[i8; LANES]) -> Four {
        self.load(&Portable.load_bytes(bytes))
    }

    #[inline(always)]
    fn store(self, values: Four, out: &mut [f32; LANES]) {
        for (values, out) in values.into_iter().zip(out.as_chunks_mut().0) {
            *out = [
                f32x4_extract_lane::<0>(values),
                f32x4_extract_lane::<1>(values),
                f32x4_extract_lane::<2>(values),
                f32x4_extract_lane::<3>(values),
            ];
        }
    }

    #[inline(always)]
    fn add(self, a: Four, b: Four) -> Four {
        each(a, b, f32x4_add)
    }

    #[inline(always)]
    fn mul(self, a: Four, b: Four) -> Four {
        each(a, b, f32x4_mul)
    }

    #[inline(always)]
    fn mul_add(self, a: Four, b: Four, c: Four) -> Four {
        each(each(a, b, f32x4_mul), c, f32x4_add)
    }
}

#[inline(always)]
fn eight([a, b, c, d, e, f, g, h]: [u16; 8]) -> v128 {
    u16x8(a, b, c, d, e, f, g, h)
}
