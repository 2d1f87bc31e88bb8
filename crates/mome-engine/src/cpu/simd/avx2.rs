//! AVX2 with FMA and half-precision conversion: sixteen lanes are two vectors.
#![expect(unsafe_code, reason = "instructions found at run time; plain loops take several times as long")]

use std::arch::x86_64::*;

use half::f16;

use super::{Kernel, LANES, Simd, Vector};

/// Proof that the processor has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        found.then_some(Self(()))
    }

    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn run<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists, so the processor has these instructions.
        unsafe { run(self, kernel) }
    }
}

// SAFETY of all blocks below: `self` exists, so the processor has the instructions; pointers come from references to
// as many bytes as are read or written.
impl Simd for Avx2 {
    type Codes = [__m256i; 2];
    type Sums = [__m256i; 2];
    type Floats = [__m256; 2];

    const FMA: bool = true;

    #[inline(always)]
    fn codes(self, vector: &Vector) -> [__m256i; 2] {
        let pointer: *const __m256i = vector.0.as_ptr().cast();
        unsafe { [_mm256_load_si256(pointer), _mm256_load_si256(pointer.add(1))] }
    }

    #[inline(always)]
    fn field(self, [a, b]: [__m256i; 2], shift: u32, mask: u16) -> [__m256i; 2] {
        unsafe {
            let shift = _mm_cvtsi32_si128(shift.cast_signed());
            let mask = _mm256_set1_epi16(mask.cast_signed());
            let field = [_mm256_srl_epi16(a, shift), _mm256_srl_epi16(b, shift)];
            [_mm256_and_si256(field[0], mask), _mm256_and_si256(field[1], mask)]
        }
    }

    #[inline(always)]
    fn join(self, low: [__m256i; 2], high: [__m256i; 2], shift: u32) -> [__m256i; 2] {
        unsafe {
            let shift = _mm_cvtsi32_si128(shift.cast_signed());
            let high = [_mm256_sll_epi16(high[0], shift), _mm256_sll_epi16(high[1], shift)];
            [_mm256_or_si256(low[0], high[0]), _mm256_or_si256(low[1], high[1])]
        }
    }

    #[inline(always)]
    fn lookup(self, [a, b]: [__m256i; 2], table: &[u8; 16]) -> [__m256i; 2] {
        unsafe {
            let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast()));
            // A set top bit makes a zero: so the upper bytes stay zeros.
            let upper = _mm256_set1_epi16(i16::MIN);
            let (a, b) = (_mm256_or_si256(a, upper), _mm256_or_si256(b, upper));
            [_mm256_shuffle_epi8(table, a), _mm256_shuffle_epi8(table, b)]
        }
    }

    #[inline(always)]
    fn sums(self, value: i32) -> [__m256i; 2] {
        unsafe { [_mm256_set1_epi32(value); 2] }
    }

    #[inline(always)]
    fn dot(self, [a, b]: [__m256i; 2], pair: i32, sums: [__m256i; 2]) -> [__m256i; 2] {
        unsafe {
            let pair = _mm256_set1_epi32(pair);
            let products = [_mm256_madd_epi16(a, pair), _mm256_madd_epi16(b, pair)];
            [_mm256_add_epi32(sums[0], products[0]), _mm256_add_epi32(sums[1], products[1])]
        }
    }

    #[inline(always)]
    fn to_floats(self, [a, b]: [__m256i; 2]) -> [__m256; 2] {
        unsafe { [_mm256_cvtepi32_ps(a), _mm256_cvtepi32_ps(b)] }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [__m256; 2] {
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> [__m256; 2] {
        unsafe { [_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(8))] }
    }

    #[inline(always)]
    fn load_halves(self, halves: &[f16; LANES]) -> [__m256; 2] {
        let pointer: *const __m128i = halves.as_ptr().cast();
        unsafe {
            let [a, b] = [_mm_loadu_si128(pointer), _mm_loadu_si128(pointer.add(1))];
            [_mm256_cvtph_ps(a), _mm256_cvtph_ps(b)]
        }
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[i8; LANES]) -> [__m256; 2] {
        unsafe {
            let bytes = _mm_loadu_si128(bytes.as_ptr().cast());
            let [a, b] = [bytes, _mm_unpackhi_epi64(bytes, bytes)];
            self.to_floats([_mm256_cvtepi8_epi32(a), _mm256_cvtepi8_epi32(b)])
        }
    }

    #[inline(always)]
    fn store(self, [a, b]: [__m256; 2], out: &mut [f32; LANES]) {
        unsafe {
            _mm256_storeu_ps(out.as_mut_ptr(), a);
            _mm256_storeu_ps(out.as_mut_ptr().add(8), b);
        }
    }

    #[inline(always)]
    fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_add(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }
}
