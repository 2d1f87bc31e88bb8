//! Numbers that a processor reads as they are: weights that are not quantised, and the scales of those that are.

use half::{bf16, f16};

use crate::cpu::simd::{LANES, Simd};

/// How scales are kept: as the file has them where half precision costs one instruction, else ready to use.
#[cfg(target_arch = "x86_64")]
pub(super) type Scale = f16;
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Scale = f32;

/// A float of some precision.
pub(super) trait Element: Copy + Send + Sync {
    /// Zero.
    const ZERO: Self;

    /// From half precision, which all can hold that come from it.
    fn from_half(value: f16) -> Self;

    /// In single precision.
    fn single(self) -> f32;

    /// Reads one for each lane.
    fn load<S: Simd>(simd: S, values: &[Self; LANES]) -> S::Floats;
}

impl Element for f32 {
    const ZERO: Self = 0.0;

    fn from_half(value: f16) -> Self {
        value.to_f32_const()
    }

    fn single(self) -> f32 {
        self
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, values: &[Self; LANES]) -> S::Floats {
        simd.load(values)
    }
}

impl Element for f16 {
    const ZERO: Self = Self::ZERO;

    fn from_half(value: f16) -> Self {
        value
    }

    fn single(self) -> f32 {
        self.to_f32_const()
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, values: &[Self; LANES]) -> S::Floats {
        simd.load_halves(values)
    }
}

impl Element for bf16 {
    const ZERO: Self = Self::ZERO;

    fn from_half(value: f16) -> Self {
        Self::from_f32(value.to_f32_const())
    }

    fn single(self) -> f32 {
        self.to_f32()
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, values: &[Self; LANES]) -> S::Floats {
        simd.load_brains(values)
    }
}
