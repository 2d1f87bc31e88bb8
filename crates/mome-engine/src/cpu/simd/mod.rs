//! The vector instructions of the processor at hand, behind one trait: sixteen lanes, one for each row of a panel of
//! weights ([`super::matrix`]).
//!
//! x86-64 is asked at run time what it has, wasm says so when it is compiled; for the rest there is [`Portable`],
//! plain loops that the compiler turns into the instructions of the target.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use half::{bf16, f16};

pub(super) use lanes::{dot, exp, index_of_largest, largest, multiply_add, total};
use portable::Portable;

/// Lanes: rows in a panel of weights.
pub(super) const LANES: usize = 16;

/// Two 16-bit numbers for each lane: what packed weights are read by.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Vector(pub(super) [u16; 2 * LANES]);

/// Vector instructions. Everything is `#[inline(always)]`, so that it is compiled for the processor that was found.
pub(super) trait Simd: Copy {
    /// Two codes of 16 bits for each lane.
    type Codes: Copy;
    /// A 32-bit integer for each lane.
    type Sums: Copy;
    /// A float for each lane.
    type Floats: Copy;

    /// Whether a fused multiply-add is one instruction.
    const FMA: bool;

    /// Reads packed weights.
    fn codes(self, vector: &Vector) -> Self::Codes;
    /// `(codes >> shift) & mask`
    fn field(self, codes: Self::Codes, shift: u32, mask: u16) -> Self::Codes;
    /// `low | high << shift`
    fn join(self, low: Self::Codes, high: Self::Codes, shift: u32) -> Self::Codes;
    /// The table's entry for each code from 0 to 15.
    fn lookup(self, codes: Self::Codes, table: &[u8; 16]) -> Self::Codes;

    /// The same integer in all lanes.
    fn sums(self, value: i32) -> Self::Sums;
    /// Adds to each lane's sum its two codes, each times one of the two signed 16-bit numbers of `pair`.
    fn dot(self, codes: Self::Codes, pair: i32, sums: Self::Sums) -> Self::Sums;
    /// Integers as floats.
    fn to_floats(self, sums: Self::Sums) -> Self::Floats;

    /// The same float in all lanes.
    fn splat(self, value: f32) -> Self::Floats;
    /// Reads floats.
    fn load(self, values: &[f32; LANES]) -> Self::Floats;
    /// Reads half-precision floats.
    fn load_halves(self, halves: &[f16; LANES]) -> Self::Floats;
    /// Reads small integers.
    fn load_bytes(self, bytes: &[i8; LANES]) -> Self::Floats;
    /// Writes floats.
    fn store(self, values: Self::Floats, out: &mut [f32; LANES]);
    /// `a + b`
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b`
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, fused where [`Simd::FMA`].
    fn mul_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;

    /// Reads the upper halves of floats.
    #[inline(always)]
    fn load_brains(self, brains: &[bf16; LANES]) -> Self::Floats {
        let mut floats = [0.0; LANES];
        for lane in 0..LANES {
            floats[lane] = brains[lane].to_f32();
        }
        self.load(&floats)
    }
}

/// A hot loop.
pub(super) trait Kernel {
    /// What it returns.
    type Output;

    /// Runs it. To be marked `#[inline(always)]`, as everything it calls.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// A set of instructions that the processor is known to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Level {
    #[cfg_attr(
        all(target_arch = "wasm32", target_feature = "simd128"),
        expect(dead_code, reason = "there is better")
    )]
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm(wasm::Wasm),
}

impl Level {
    /// The best that this processor has.
    pub(super) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = avx512::Avx512::detect() {
            return Self::Avx512(simd);
        } else if let Some(simd) = avx2::Avx2::detect() {
            return Self::Avx2(simd);
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::Wasm(wasm::Wasm);
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Self::Portable(Portable)
    }

    /// All that this processor has.
    #[cfg(test)]
    pub(super) fn available() -> Vec<Self> {
        let mut levels = vec![Self::Portable(Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(avx2::Avx2::detect().map(Self::Avx2));
            levels.extend(avx512::Avx512::detect().map(Self::Avx512));
        }
        levels
    }

    /// Runs a kernel with these instructions.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable(simd) => kernel.run(simd),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => simd.run(kernel),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm(simd) => kernel.run(simd),
        }
    }
}
