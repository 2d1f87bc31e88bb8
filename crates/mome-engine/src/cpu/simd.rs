//! Compiles a hot loop once for any processor of the architecture, and once for AVX2 with FMA.

/// Width of the accumulators. Loops over this many elements become one or two vector instructions.
pub(super) const LANES: usize = 8;

/// Numbers that are computed side by side.
pub(super) type Lanes = [f32; LANES];

/// A hot loop.
pub(super) trait Kernel {
    /// Runs it. To be marked `#[inline(always)]`, as everything it calls, so that it is compiled for the
    /// processor that [`run`] found. `FMA` says whether a fused multiply-add is one instruction there.
    fn run<const FMA: bool>(self);
}

/// Runs a kernel with the best instructions that the processor has.
pub(super) fn run(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        #[target_feature(enable = "avx2,fma")]
        fn run_avx2(kernel: impl Kernel) {
            kernel.run::<true>();
        }
        #[expect(unsafe_code, reason = "the only way to compile for instructions found at run time")]
        // SAFETY: the processor has just been seen to have both.
        return unsafe { run_avx2(kernel) };
    }
    kernel.run::<{ cfg!(target_arch = "aarch64") }>();
}

/// `a * b + c`, rounded once where that is as fast as rounding twice.
#[inline(always)]
pub(super) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Partial sums of the dot products of `R` vectors with `C` vectors, `rows [R, length]` and `columns [C,
/// length]`: lane l sums every [`LANES`]th product from l on. [`sum`] adds the lanes up.
///
/// Plain loops over fixed widths, which the compiler turns into vectors. No closures: they are not always
/// inlined, and would then be compiled for the wrong processor.
#[inline(always)]
pub(super) fn lane_sums<const FMA: bool, const R: usize, const C: usize>(
    rows: &[f32],
    columns: &[f32],
    length: usize,
) -> [[Lanes; C]; R] {
    let row_chunks = chunks::<R>(rows, length);
    let column_chunks = chunks::<C>(columns, length);
    let mut sums = [[[0.0; LANES]; C]; R];
    for at in 0..length / LANES {
        for r in 0..R {
            for c in 0..C {
                add_products::<FMA>(&row_chunks[r][at], &column_chunks[c][at], &mut sums[r][c]);
            }
        }
    }
    if !length.is_multiple_of(LANES) {
        let row_ends = ends::<R>(rows, length);
        let column_ends = ends::<C>(columns, length);
        for r in 0..R {
            for c in 0..C {
                add_products::<FMA>(&row_ends[r], &column_ends[c], &mut sums[r][c]);
            }
        }
    }
    sums
}

/// Cuts `vectors [N, length]` into whole groups of lanes.
#[inline(always)]
fn chunks<const N: usize>(vectors: &[f32], length: usize) -> [&[Lanes]; N] {
    let mut all: [&[Lanes]; N] = [&[]; N];
    for (n, chunks) in all.iter_mut().enumerate() {
        *chunks = &vectors[n * length..][..length].as_chunks().0[..length / LANES];
    }
    all
}

/// What whole groups leave of `vectors [N, length]`, filled up with zeros.
#[inline(always)]
fn ends<const N: usize>(vectors: &[f32], length: usize) -> [Lanes; N] {
    let mut all = [[0.0; LANES]; N];
    for (n, lanes) in all.iter_mut().enumerate() {
        let end = vectors[n * length..][..length].as_chunks::<LANES>().1;
        lanes[..end.len()].copy_from_slice(end);
    }
    all
}

#[inline(always)]
fn add_products<const FMA: bool>(a: &Lanes, b: &Lanes, sums: &mut Lanes) {
    for lane in 0..LANES {
        sums[lane] = multiply_add::<FMA>(a[lane], b[lane], sums[lane]);
    }
}

/// Adds lanes up.
#[inline(always)]
pub(super) fn sum([a, b, c, d, e, f, g, h]: Lanes) -> f32 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// The dot product of two vectors of one length.
#[inline(always)]
pub(super) fn dot<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    sum(lane_sums::<FMA, 1, 1>(a, b, a.len())[0][0])
}
