//! The product of quantised panels with activations as integers.
//!
//! Each lane sums the products of its row's codes with a token's integers over a tile, exactly; then one float
//! multiplication brings in the scales. Offsets of codes and minimums of blocks meet the sums of the integers.

use super::TOKENS;
use super::activations::ActivationBlock;
use super::quantized::{Packing, QuantizedPanels};
use crate::cpu::simd::{Kernel, LANES, Simd, Vector};

/// Pairs of columns in a tile.
const PAIRS: usize = 16;

/// Multiplies some panels: `out [panels, tokens, 16]`, from panel `first` on; `x [columns / 32, tokens]`.
pub(super) struct QuantizedProduct<'a> {
    pub panels: &'a QuantizedPanels,
    pub first: usize,
    pub x: &'a [ActivationBlock],
    pub tokens: usize,
    pub out: &'a mut [[f32; LANES]],
}

impl Kernel for QuantizedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.panels.packing {
            Packing { low: 8, .. } => self.multiply::<S, 8, 0, false, 1>(simd),
            Packing { low: 4, high: 0, table: false, .. } => self.multiply::<S, 4, 0, false, 1>(simd),
            Packing { low: 4, high: 0, .. } => self.multiply::<S, 4, 0, true, 1>(simd),
            Packing { low: 4, high: 1, .. } => self.multiply::<S, 4, 1, false, 1>(simd),
            Packing { low: 4, .. } => self.multiply::<S, 4, 2, false, 2>(simd),
            Packing { high: 0, .. } => self.multiply::<S, 2, 0, false, 2>(simd),
            _ => self.multiply::<S, 2, 1, false, 2>(simd),
        }
    }
}

impl QuantizedProduct<'_> {
    #[inline(always)]
    fn multiply<S: Simd, const LOW: usize, const HIGH: usize, const TABLE: bool, const SCALES: usize>(
        self,
        simd: S,
    ) {
        let Self { panels, first, x, tokens, out } = self;
        for (index, out) in out.chunks_exact_mut(tokens).enumerate() {
            let first_tile = (first + index) * panels.tiles;
            let tiles = first_tile..first_tile + panels.tiles;
            let vectors = panels.codes[first_tile * (LOW + HIGH)..].chunks_exact(LOW + HIGH);
            let tiles = tiles.zip(vectors).zip(x.chunks_exact(tokens));
            if let [out] = out {
                let mut totals = simd.splat(0.0);
                for ((tile, vectors), x) in tiles {
                    let codes = Packed::<LOW, HIGH, TABLE> { vectors, table: &panels.table };
                    let scales = TileScales::<S, SCALES>::read(simd, panels, tile);
                    [totals] = add_tile(simd, codes, &scales, &[&x[0]], [totals]);
                }
                simd.store(totals, out);
                continue;
            }
            out.fill([0.0; LANES]);
            for ((tile, vectors), x) in tiles {
                let codes = Packed::<LOW, HIGH, TABLE> { vectors, table: &panels.table }.unpack(simd);
                let scales = TileScales::<S, SCALES>::read(simd, panels, tile);
                let (groups, rest) = out.as_chunks_mut::<TOKENS>();
                let (x_groups, x_rest) = x.as_chunks::<TOKENS>();
                for (x, out) in x_groups.iter().zip(groups) {
                    add_tile_to(simd, &codes, &scales, x, out);
                }
                for (x, out) in x_rest.iter().zip(rest) {
                    let (x, out) = (std::array::from_ref(x), std::array::from_mut(out));
                    add_tile_to(simd, &codes, &scales, x, out);
                }
            }
        }
    }
}

/// What a tile's sums of integers are multiplied by.
struct TileScales<S: Simd, const SCALES: usize> {
    scales: [S::Floats; SCALES],
    minimums: Option<[S::Floats; SCALES]>,
    offset: i32,
}

impl<S: Simd, const SCALES: usize> TileScales<S, SCALES> {
    #[inline(always)]
    fn read(simd: S, panels: &QuantizedPanels, tile: usize) -> Self {
        let mut scales = [simd.splat(0.0); SCALES];
        for (half, scales) in scales.iter_mut().enumerate() {
            *scales = panels.scales(simd, tile, half);
        }
        let mut minimums = None;
        for half in 0..SCALES {
            if let Some(minimum) = panels.minimums(simd, tile, half) {
                minimums.get_or_insert([minimum; SCALES])[half] = minimum;
            }
        }
        Self { scales, minimums, offset: panels.offset }
    }
}

/// The codes of a tile, pair of columns by pair.
trait Codes<S: Simd>: Copy {
    /// Whether a pair is read with shifts that depend on which it is.
    const SHIFTS: bool;

    fn pair(self, simd: S, pair: usize) -> S::Codes;
}

/// As they are in memory.
#[derive(Clone, Copy)]
struct Packed<'a, const LOW: usize, const HIGH: usize, const TABLE: bool> {
    vectors: &'a [Vector],
    table: &'a [u8; 16],
}

impl<const LOW: usize, const HIGH: usize, const TABLE: bool> Packed<'_, LOW, HIGH, TABLE> {
    #[inline(always)]
    fn unpack<S: Simd>(self, simd: S) -> [S::Codes; PAIRS] {
        let mut codes = [simd.codes(&self.vectors[0]); PAIRS];
        for (pair, codes) in codes.iter_mut().enumerate() {
            *codes = self.pair(simd, pair);
        }
        codes
    }
}

impl<S: Simd, const LOW: usize, const HIGH: usize, const TABLE: bool> Codes<S>
    for Packed<'_, LOW, HIGH, TABLE>
{
    const SHIFTS: bool = true;

    #[inline(always)]
    fn pair(self, simd: S, pair: usize) -> S::Codes {
        let mut codes = field(simd, self.vectors, pair, LOW);
        if HIGH > 0 {
            codes = simd.join(codes, field(simd, &self.vectors[LOW..], pair, HIGH), LOW as u32);
        }
        if TABLE { simd.lookup(codes, self.table) } else { codes }
    }
}

/// As integers of 16 bits.
impl<S: Simd> Codes<S> for &[S::Codes; PAIRS] {
    const SHIFTS: bool = false;

    #[inline(always)]
    fn pair(self, _simd: S, pair: usize) -> S::Codes {
        self[pair]
    }
}

#[inline(always)]
fn field<S: Simd>(simd: S, vectors: &[Vector], pair: usize, bits: usize) -> S::Codes {
    let codes = simd.codes(&vectors[pair * bits / 16]);
    simd.field(codes, (pair * bits % 16) as u32, (1 << bits) - 1)
}

/// [`add_tile`] to totals in memory.
#[inline(always)]
fn add_tile_to<S: Simd, const T: usize, const SCALES: usize>(
    simd: S,
    codes: &[S::Codes; PAIRS],
    scales: &TileScales<S, SCALES>,
    x: &[ActivationBlock; T],
    out: &mut [[f32; LANES]; T],
) {
    let mut totals = [simd.splat(0.0); T];
    for token in 0..T {
        totals[token] = simd.load(&out[token]);
    }
    let x = x.each_ref();
    let totals = add_tile(simd, codes, scales, &x, totals);
    for token in 0..T {
        simd.store(totals[token], &mut out[token]);
    }
}

/// Adds the products of a tile with `T` tokens to their totals.
#[inline(always)]
fn add_tile<S: Simd, const T: usize, const SCALES: usize>(
    simd: S,
    codes: impl Codes<S>,
    scales: &TileScales<S, SCALES>,
    x: &[&ActivationBlock; T],
    mut totals: [S::Floats; T],
) -> [S::Floats; T] {
    let mut sums = offset_sums::<S, T, SCALES>(simd, 0, scales, x);
    sums = add_half::<S, _, T>(simd, 0, codes, x, sums);
    if SCALES == 2 {
        totals = scaled(simd, 0, scales, x, sums, totals);
        sums = offset_sums::<S, T, SCALES>(simd, 1, scales, x);
    }
    sums = add_half::<S, _, T>(simd, 1, codes, x, sums);
    scaled(simd, SCALES - 1, scales, x, sums, totals)
}

/// The sum of a token's integers in a half of a tile, or in all of it.
#[inline(always)]
fn column_sum<const SCALES: usize>(half: usize, x: &ActivationBlock) -> i32 {
    if SCALES == 1 { x.sums[0] + x.sums[1] } else { x.sums[half] }
}

/// What the codes' offset takes off.
#[inline(always)]
fn offset_sums<S: Simd, const T: usize, const SCALES: usize>(
    simd: S,
    half: usize,
    scales: &TileScales<S, SCALES>,
    x: &[&ActivationBlock; T],
) -> [S::Sums; T] {
    let mut sums = [simd.sums(0); T];
    for token in 0..T {
        sums[token] = simd.sums(-scales.offset * column_sum::<SCALES>(half, x[token]));
    }
    sums
}

/// Adds the products of eight pairs of columns.
#[inline(always)]
fn add_half<S: Simd, C: Codes<S>, const T: usize>(
    simd: S,
    half: usize,
    codes: C,
    x: &[&ActivationBlock; T],
    mut sums: [S::Sums; T],
) -> [S::Sums; T] {
    macro_rules! add_pair {
        ($pair:expr) => {
            let pair = half * (PAIRS / 2) + $pair;
            let weights = codes.pair(simd, pair);
            for token in 0..T {
                sums[token] = simd.dot(weights, x[token].pairs[pair], sums[token]);
            }
        };
    }
    macro_rules! add_pairs {
        ($($pair:literal)*) => {$( add_pair!($pair); )*};
    }
    // Written out, because a loop stays one, and then its shifts are not constants. In the page a loop without shifts
    // does as well, and is less to download.
    if cfg!(target_arch = "wasm32") && !C::SHIFTS {
        for pair in 0..PAIRS / 2 {
            add_pair!(pair);
        }
    } else {
        add_pairs!(0 1 2 3 4 5 6 7);
    }
    sums
}

/// Adds sums to totals, scaled.
#[inline(always)]
fn scaled<S: Simd, const T: usize, const SCALES: usize>(
    simd: S,
    half: usize,
    scales: &TileScales<S, SCALES>,
    x: &[&ActivationBlock; T],
    sums: [S::Sums; T],
    mut totals: [S::Floats; T],
) -> [S::Floats; T] {
    for token in 0..T {
        let scale = simd.mul(scales.scales[half], simd.splat(x[token].scale));
        totals[token] = simd.mul_add(scale, simd.to_floats(sums[token]), totals[token]);
    }
    if let Some(minimums) = &scales.minimums {
        for token in 0..T {
            let column_sum = column_sum::<SCALES>(half, x[token]) as f32;
            let column_sum = simd.splat(-x[token].scale * column_sum);
            totals[token] = simd.mul_add(minimums[half], column_sum, totals[token]);
        }
    }
    totals
}
