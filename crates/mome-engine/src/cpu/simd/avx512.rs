//! AVX-512 with VNNI: a lane's two codes are multiplied and added in one instruction.
#![expect(unsafe_code, reason = "instructions found at run time; AVX2 takes half as long again")]

use std::arch::asm;
use std::arch::x86_64::*;

use half::f16;

use super::{Kernel, LANES, Simd, Vector};

/// Proof that the processor has AVX-512 F, BW and VNNI.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }

    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")]
        fn run<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists, so the processor has these instructions.
        unsafe { run(self, kernel) }
    }
}

// SAFETY of all blocks below: `self` exists, so the processor has the instructions; pointers come from references to
// as many bytes as are read or written.
impl Simd for Avx512 {
    type Codes = __m512i;
    type Sums = __m512i;
    type Floats = __m512;

    const FMA: bool = true;

    #[inline(always)]
    fn codes(self, vector: &Vector) -> __m512i {
        unsafe { _mm512_load_si512(vector.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn field(self, codes: __m512i, shift: u32, mask: u16) -> __m512i {
        unsafe {
            let shifted = _mm512_srl_epi16(codes, _mm_cvtsi32_si128(shift.cast_signed()));
            _mm512_and_si512(shifted, _mm512_set1_epi16(mask.cast_signed()))
        }
    }

    #[inline(always)]
    fn join(self, low: __m512i, high: __m512i, shift: u32) -> __m512i {
        unsafe { _mm512_or_si512(low, _mm512_sll_epi16(high, _mm_cvtsi32_si128(shift.cast_signed()))) }
    }

    #[inline(always)]
    fn lookup(self, codes: __m512i, table: &[u8; 16]) -> __m512i {
        unsafe {
            let table = _mm256_cvtepu8_epi16(_mm_loadu_si128(table.as_ptr().cast()));
            _mm512_permutexvar_epi16(codes, _mm512_castsi256_si512(table))
        }
    }

    #[inline(always)]
    fn sums(self, value: i32) -> __m512i {
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    fn dot(self, codes: __m512i, pair: i32, sums: __m512i) -> __m512i {
        unsafe { multiply_add_pairs(sums, codes, _mm512_set1_epi32(pair)) }
    }

    #[inline(always)]
    fn to_floats(self, sums: __m512i) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(sums) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> __m512 {
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    fn load_halves(self, halves: &[f16; LANES]) -> __m512 {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(halves.as_ptr().cast())) }
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[i8; LANES]) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn store(self, values: __m512, out: &mut [f32; LANES]) {
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
}

/// Adds the products of both halves of each 32 bits to the sums. Not through the intrinsic, of which LLVM makes a
/// multiplication and an addition.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn multiply_add_pairs(mut sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: it computes and nothing else.
    unsafe {
        asm!(
            "vpdpwssd {sums}, {a}, {b}",
            sums = inout(zmm_reg) sums,
            a = in(zmm_reg) a,
            b = in(zmm_reg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
