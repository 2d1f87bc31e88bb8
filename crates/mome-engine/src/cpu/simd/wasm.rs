//! WebAssembly's 128-bit vectors: sixteen lanes are four of them.
#![expect(
    unsafe_code,
    reason = "loads and stores of whole vectors; put together lane by lane they cost far more"
)]

use std::arch::wasm32::*;

use half::f16;

use super::portable::Portable;
use super::{LANES, Simd, Vector};

/// The target has simd128.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Wasm;

/// Four vectors.
type Four = [v128; 4];

/// Does an operation on each of them. Instructions are given as closures, since functions that want simd128 are no `Fn`.
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
        load_vectors(&vector.0)
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
        let [table] = load_vectors(table);
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
        let products = each(codes, [i32x4_splat(pair); 4], |a, b| i32x4_dot_i16x8(a, b));
        each(sums, products, |a, b| i32x4_add(a, b))
    }

    #[inline(always)]
    fn to_floats(self, sums: Four) -> Four {
        sums.map(|sums| f32x4_convert_i32x4(sums))
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Four {
        [f32x4_splat(value); 4]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Four {
        load_vectors(values)
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
        for (values, out) in values.into_iter().zip(out.as_chunks_mut::<4>().0) {
            // SAFETY: four floats are written to four.
            unsafe { v128_store(out.as_mut_ptr().cast(), values) }
        }
    }

    #[inline(always)]
    fn add(self, a: Four, b: Four) -> Four {
        each(a, b, |a, b| f32x4_add(a, b))
    }

    #[inline(always)]
    fn mul(self, a: Four, b: Four) -> Four {
        each(a, b, |a, b| f32x4_mul(a, b))
    }

    #[inline(always)]
    fn mul_add(self, a: Four, b: Four, c: Four) -> Four {
        self.add(self.mul(a, b), c)
    }
}

/// Reads `N` vectors from as many bytes.
#[inline(always)]
fn load_vectors<T: bytemuck::Pod, const L: usize, const N: usize>(values: &[T; L]) -> [v128; N] {
    const { assert!(size_of::<[T; L]>() == size_of::<[v128; N]>()) };
    let pointer: *const v128 = values.as_ptr().cast();
    let mut vectors = [u8x16_splat(0); N];
    for (index, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the values have as many bytes as the vectors, and `v128_load` needs no alignment.
        *vector = unsafe { v128_load(pointer.add(index)) };
    }
    vectors
}
