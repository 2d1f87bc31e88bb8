//! Panels of quantised weights: the blocks of sixteen rows, interleaved so that each row has a lane.
//!
//! A panel is cut into tiles of 32 columns. The codes of a tile lie in [`Vector`]s of 32 words: word `2 r + c` belongs to
//! row r, and column `2 p + c` of it is field p of the words, in the order of vectors and then of bits. Codes of
//! 5 and 6 bits are nibbles in the first vectors and the rest in those after; codes of 3 bits are pairs and the rest.
//! It takes as many bytes as in the file, but for eighths.

use mome_backbone::{QuantizedBlock, TensorType};

use super::activations::BLOCK;
use super::element::{Element, Scale};
use crate::cpu::simd::{LANES, Vector};

/// Tiles in a block of 256 columns.
const SUPER_BLOCK: usize = 256 / BLOCK;

/// How the codes of a type are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    /// Bits in the first vectors of a tile.
    pub low: usize,
    /// Bits in the vectors after those.
    pub high: usize,
    /// Whether values are found in a table.
    pub table: bool,
    /// How many scales a row has in a tile: 1, or 2 where sixteen columns share one.
    pub scales: usize,
}

/// A quantised matrix, `[rows, columns]`. Rows beyond its own, in the last panel, are zeros.
pub(super) struct QuantizedPanels {
    kind: TensorType,
    pub(super) packing: Packing,
    /// In each panel.
    pub(super) tiles: usize,
    /// `[panels, tiles, low + high bits]`
    pub(super) codes: Vec<Vector>,
    /// `[panels, blocks, 16]`
    scales: Vec<[Scale; LANES]>,
    /// `[panels, blocks, 16]`; empty where the type has no minimums.
    minimums: Vec<[Scale; LANES]>,
    /// `[panels, tiles, packing.scales, 16]`; empty where blocks have no scales within.
    sub_scales: Vec<[i8; LANES]>,
    /// As the scales within; empty where there are no minimums within.
    sub_minimums: Vec<[i8; LANES]>,
    /// What each code stands for, plus `offset`; read where `packing.table`.
    pub(super) table: [u8; 16],
    /// What is to be taken off each code, or each entry of the table.
    pub(super) offset: i32,
}

impl Packing {
    /// How a quantised type is packed; `None` for others.
    pub(super) fn of(kind: TensorType) -> Option<Self> {
        let packing = |low, high, scales| Some(Self { low, high, table: false, scales });
        match kind {
            TensorType::F32 | TensorType::F16 | TensorType::BF16 => None,
            TensorType::Q4_0 | TensorType::Q4_1 | TensorType::Q4_K => packing(4, 0, 1),
            TensorType::IQ4_NL => Some(Self { low: 4, high: 0, table: true, scales: 1 }),
            TensorType::Q5_0 | TensorType::Q5_1 | TensorType::Q5_K => packing(4, 1, 1),
            TensorType::Q8_0 => packing(8, 0, 1),
            TensorType::Q2_K => packing(2, 0, 2),
            TensorType::Q3_K => packing(2, 1, 2),
            TensorType::Q6_K => packing(4, 2, 2),
        }
    }
}

/// Whether blocks of a type have minimums.
fn has_minimums(kind: TensorType) -> bool {
    use TensorType::{Q2_K, Q4_1, Q4_K, Q5_1, Q5_K};
    matches!(kind, Q4_1 | Q5_1 | Q2_K | Q4_K | Q5_K)
}

impl QuantizedPanels {
    /// Interleaves `data [rows, columns]`.
    pub(super) fn pack(kind: TensorType, packing: Packing, data: &[u8], rows: usize, columns: usize) -> Self {
        let panels = rows.div_ceil(LANES);
        let (tiles, blocks) = (columns / BLOCK, columns / kind.block_len());
        let (minimums, within) = (has_minimums(kind), kind.block_len() > BLOCK);
        let count = |wanted: bool, count: usize| if wanted { panels * count } else { 0 };
        let offset = -kind.code_value(0);
        let mut packed = Self {
            kind,
            packing,
            tiles,
            codes: vec![Vector::default(); panels * tiles * (packing.low + packing.high)],
            scales: vec![[Scale::ZERO; LANES]; panels * blocks],
            minimums: vec![[Scale::ZERO; LANES]; count(minimums, blocks)],
            sub_scales: vec![[0; LANES]; count(within, tiles * packing.scales)],
            sub_minimums: vec![[0; LANES]; count(within && minimums, tiles * packing.scales)],
            table: std::array::from_fn(|code| (kind.code_value(code as u8) + offset) as u8),
            offset: offset.into(),
        };
        let mut block = QuantizedBlock::default();
        for (index, bytes) in data.chunks_exact(kind.block_bytes()).enumerate() {
            kind.take_apart(bytes, &mut block);
            packed.put(index / blocks, index % blocks, blocks, &block);
        }
        packed
    }

    /// Puts a block of a row where it belongs.
    fn put(&mut self, row: usize, index: usize, blocks: usize, block: &QuantizedBlock) {
        let Packing { low, high, scales, .. } = self.packing;
        let (panel, lane) = (row / LANES, row % LANES);
        let place = panel * blocks + index;
        self.scales[place][lane] = Scale::from_half(block.scale);
        if let Some(minimums) = self.minimums.get_mut(place) {
            minimums[lane] = Scale::from_half(block.minimum);
        }
        let tiles = self.tiles / blocks;
        let first_tile = place * tiles;
        for scale in 0..tiles * scales {
            let (place, sub) = (first_tile * scales + scale, scale * 2 / scales);
            if let Some(sub_scales) = self.sub_scales.get_mut(place) {
                sub_scales[lane] = block.sub_scales[sub];
            }
            if let Some(sub_minimums) = self.sub_minimums.get_mut(place) {
                sub_minimums[lane] = block.sub_minimums[sub].cast_signed();
            }
        }
        let vectors = &mut self.codes[first_tile * (low + high)..][..tiles * (low + high)];
        for (vectors, codes) in vectors.chunks_exact_mut(low + high).zip(block.codes.as_chunks().0) {
            let (low_vectors, high_vectors) = vectors.split_at_mut(low);
            match low {
                8 => put_fields::<8>(codes, 0, lane, low_vectors),
                4 => put_fields::<4>(codes, 0, lane, low_vectors),
                _ => put_fields::<2>(codes, 0, lane, low_vectors),
            }
            match high {
                0 => {}
                1 => put_fields::<1>(codes, low, lane, high_vectors),
                _ => put_fields::<2>(codes, low, lane, high_vectors),
            }
        }
    }

    /// Writes one row to `out`, exactly as [`TensorType::dequantize`] would.
    pub(super) fn copy_row(&self, row: usize, out: &mut [f32]) {
        let Packing { low, high, scales, .. } = self.packing;
        let lane = row % LANES;
        let field = |vectors: &[Vector], pair: usize, word: usize, bits: usize| {
            (vectors[pair * bits / 16].0[word] >> (pair * bits % 16)) & ((1 << bits) - 1)
        };
        for (tile, out) in out.chunks_exact_mut(BLOCK).enumerate() {
            let tile = row / LANES * self.tiles + tile;
            let vectors = &self.codes[tile * (low + high)..][..low + high];
            for (column, out) in out.iter_mut().enumerate() {
                let (pair, word) = (column / 2, 2 * lane + column % 2);
                let mut code = field(vectors, pair, word, low);
                if high > 0 {
                    code |= field(&vectors[low..], pair, word, high) << low;
                }
                let place = tile * scales + column * scales / BLOCK;
                let scale = scale_at(&self.scales, &self.sub_scales, self.block_of(tile), place, lane);
                let minimum = scale_at(&self.minimums, &self.sub_minimums, self.block_of(tile), place, lane);
                *out = scale * f32::from(self.kind.code_value(code as u8)) - minimum;
            }
        }
    }

    /// The place of a tile's block among the scales.
    #[inline(always)]
    fn block_of(&self, tile: usize) -> usize {
        if self.sub_scales.is_empty() { tile } else { tile / SUPER_BLOCK }
    }

    /// The scales of a tile's half, or of all of it, for each lane.
    #[inline(always)]
    pub(super) fn scales<S: crate::cpu::simd::Simd>(&self, simd: S, tile: usize, half: usize) -> S::Floats {
        let scales = Scale::load(simd, &self.scales[self.block_of(tile)]);
        match self.sub_scales.get(tile * self.packing.scales + half) {
            None => scales,
            Some(within) => simd.mul(scales, simd.load_bytes(within)),
        }
    }

    /// The minimums of a tile's half, or of all of it, for each lane; `None` where there are none.
    #[inline(always)]
    pub(super) fn minimums<S: crate::cpu::simd::Simd>(
        &self,
        simd: S,
        tile: usize,
        half: usize,
    ) -> Option<S::Floats> {
        let minimums = Scale::load(simd, self.minimums.get(self.block_of(tile))?);
        match self.sub_minimums.get(tile * self.packing.scales + half) {
            None => Some(minimums),
            Some(within) => Some(simd.mul(minimums, simd.load_bytes(within))),
        }
    }
}

/// Puts `BITS` bits of each code of a row, from bit `first` on, where [`Packing`] has them.
#[inline(always)]
fn put_fields<const BITS: usize>(codes: &[u8; BLOCK], first: usize, lane: usize, vectors: &mut [Vector]) {
    let fields = 16 / BITS;
    for (vector, pairs) in vectors.iter_mut().zip(codes.chunks_exact(2 * fields)) {
        let mut words = [0u16; 2];
        for (at, code) in pairs.iter().enumerate() {
            words[at % 2] |= (u16::from(*code) >> first & ((1 << BITS) - 1)) << (at / 2 * BITS);
        }
        vector.0[2 * lane..][..2].copy_from_slice(&words);
    }
}

/// One scale or minimum; zero where there are none.
fn scale_at(
    scales: &[[Scale; LANES]],
    within: &[[i8; LANES]],
    block: usize,
    place: usize,
    lane: usize,
) -> f32 {
    let scale = scales.get(block).map_or(0.0, |scales| scales[lane].single());
    within.get(place).map_or(scale, |within| scale * f32::from(within[lane]))
}
