//! Plain loops over sixteen lanes, which the compiler turns into whatever vectors the target has.

use half::f16;

use super::{LANES, Simd, Vector};

/// Runs anywhere.
#[derive(Clone, Copy, Debug)]
pub(in crate::cpu) struct Portable;

impl Simd for Portable {
    type Codes = Vector;
    type Sums = [i32; LANES];
    type Floats = [f32; LANES];

    const FMA: bool = cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn codes(self, vector: &Vector) -> Vector {
        *vector
    }

    #[inline(always)]
    fn field(self, mut codes: Vector, shift: u32, mask: u16) -> Vector {
        for code in &mut codes.0 {
            *code = (*code >> shift) & mask;
        }
        codes
    }

    #[inline(always)]
    fn join(self, mut low: Vector, high: Vector, shift: u32) -> Vector {
        for lane in 0..2 * LANES {
            low.0[lane] |= high.0[lane] << shift;
        }
        low
    }

    #[inline(always)]
    fn lookup(self, mut codes: Vector, table: &[u8; 16]) -> Vector {
        for code in &mut codes.0 {
            *code = table[usize::from(*code & 15)].into();
        }
        codes
    }

    #[inline(always)]
    fn sums(self, value: i32) -> [i32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    fn dot(self, codes: Vector, pair: i32, mut sums: [i32; LANES]) -> [i32; LANES] {
        let [first, second] = bytemuck::cast::<i32, [i16; 2]>(pair).map(i32::from);
        for (sum, [a, b]) in sums.iter_mut().zip(codes.0.as_chunks().0) {
            *sum += i32::from(a.cast_signed()) * first + i32::from(b.cast_signed()) * second;
        }
        sums
    }

    #[inline(always)]
    fn to_floats(self, sums: [i32; LANES]) -> [f32; LANES] {
        let mut floats = [0.0; LANES];
        for lane in 0..LANES {
            floats[lane] = sums[lane] as f32;
        }
        floats
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> [f32; LANES] {
        *values
    }

    #[inline(always)]
    fn load_halves(self, halves: &[f16; LANES]) -> [f32; LANES] {
        let mut floats = [0.0; LANES];
        for lane in 0..LANES {
            floats[lane] = single_from_half(halves[lane].to_bits());
        }
        floats
    }

    #[inline(always)]
    fn load_bytes(self, bytes: &[i8; LANES]) -> [f32; LANES] {
        let mut floats = [0.0; LANES];
        for lane in 0..LANES {
            floats[lane] = bytes[lane].into();
        }
        floats
    }

    #[inline(always)]
    fn store(self, values: [f32; LANES], out: &mut [f32; LANES]) {
        *out = values;
    }

    #[inline(always)]
    fn add(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        for lane in 0..LANES {
            a[lane] += b[lane];
        }
        a
    }

    #[inline(always)]
    fn mul(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        for lane in 0..LANES {
            a[lane] *= b[lane];
        }
        a
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; LANES], b: [f32; LANES], mut c: [f32; LANES]) -> [f32; LANES] {
        for lane in 0..LANES {
            c[lane] = if Self::FMA { a[lane].mul_add(b[lane], c[lane]) } else { a[lane] * b[lane] + c[lane] };
        }
        c
    }
}

/// The value of a half-precision float, without branches, so that a loop of it becomes vector instructions.
#[inline(always)]
pub(super) fn single_from_half(half: u16) -> f32 {
    /// The difference of the exponents' biases, 127 - 15, as a factor.
    const REBIAS: f32 = f32::from_bits((254 - 15) << 23);
    let magnitude = u32::from(half & 0x7fff) << 13;
    let finite = (f32::from_bits(magnitude) * REBIAS).to_bits();
    let special = magnitude | 0x7f80_0000;
    let bits = if magnitude >= 0x0f80_0000 { special } else { finite };
    f32::from_bits(bits | u32::from(half & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use half::f16;

    #[test]
    fn halves_become_singles() {
        for bits in 0..=u16::MAX {
            let (found, expected) = (super::single_from_half(bits), f16::from_bits(bits).to_f32());
            assert!(found == expected || found.is_nan() && expected.is_nan(), "{bits}: {found} {expected}");
        }
    }
}
