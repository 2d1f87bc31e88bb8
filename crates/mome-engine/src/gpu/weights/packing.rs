//! Lays weight matrices out for the kernels: see `shaders/weights/block.wgsl`.
//!
//! Rows are in panels of 32. Of every block of columns a row has so many words and so many halves; the words (and
//! apart from them, the halves) of the panel's rows lie beside each other, first the first one of every row.

use mome_backbone::{QuantizedBlock, TensorType};

/// Rows of a panel.
pub(in crate::gpu) const PANEL: usize = 32;

/// Columns whose quants are packed together.
const GROUP: usize = 32;

/// Most words and halves of a block of any type.
const MOST_WORDS: usize = 64;
const MOST_HALVES: usize = 10;

/// What a block of a type becomes in each row.
#[derive(Clone, Copy)]
struct Shape {
    /// Columns of the block.
    columns: usize,
    words: usize,
    halves: usize,
}

impl Shape {
    fn of(kind: TensorType) -> Self {
        let (words, halves) = match kind {
            TensorType::F32 => (1, 0),
            TensorType::F16 | TensorType::BF16 => (0, 1),
            _ => (kind.block_len() / GROUP * quant_bits(kind) as usize, scale_layout(kind).halves()),
        };
        Self { columns: kind.block_len(), words, halves }
    }
}

/// Bytes on the device of a panel `columns` wide: of its words, and of its halves.
pub(super) fn panel_bytes(kind: TensorType, columns: usize) -> [usize; 2] {
    let shape = Shape::of(kind);
    let blocks = columns / shape.columns;
    [4 * blocks * shape.words * PANEL, 2 * blocks * shape.halves * PANEL]
}

/// Lays out whole rows of `columns` columns. Gives the words and the halves, of which one may be empty.
pub(super) fn pack(kind: TensorType, columns: usize, data: &[u8]) -> (Vec<u32>, Vec<u16>) {
    let shape = Shape::of(kind);
    let row_bytes = kind.row_bytes(columns);
    let blocks = columns / shape.columns;
    let panels = data.len().div_ceil(row_bytes * PANEL);
    let mut words = vec![0; panels * blocks * shape.words * PANEL];
    let mut halves = vec![0; panels * blocks * shape.halves * PANEL];
    let mut block = PackedBlock::default();
    for (row, bytes) in data.chunks_exact(row_bytes).enumerate() {
        for (at, bytes) in bytes.chunks_exact(kind.block_bytes()).enumerate() {
            block.fill(kind, bytes);
            let first = row / PANEL * blocks + at;
            let place = |index, count| (first * count + index) * PANEL + row % PANEL;
            for (index, word) in block.words[..shape.words].iter().enumerate() {
                words[place(index, shape.words)] = *word;
            }
            for (index, half) in block.halves[..shape.halves].iter().enumerate() {
                halves[place(index, shape.halves)] = *half;
            }
        }
    }
    (words, halves)
}

/// One row's part of a block.
struct PackedBlock {
    words: [u32; MOST_WORDS],
    halves: [u16; MOST_HALVES],
    block: QuantizedBlock,
}

impl Default for PackedBlock {
    fn default() -> Self {
        Self { words: [0; MOST_WORDS], halves: [0; MOST_HALVES], block: QuantizedBlock::default() }
    }
}

impl PackedBlock {
    fn fill(&mut self, kind: TensorType, bytes: &[u8]) {
        match (kind, bytes) {
            (TensorType::F32, &[a, b, c, d]) => self.words[0] = u32::from_le_bytes([a, b, c, d]),
            (TensorType::F16 | TensorType::BF16, &[a, b]) => self.halves[0] = u16::from_le_bytes([a, b]),
            _ => {
                kind.take_apart(bytes, &mut self.block);
                let bits = quant_bits(kind);
                let codes = self.block.codes[..kind.block_len()].as_chunks::<GROUP>().0;
                for (codes, words) in codes.iter().zip(self.words.chunks_mut(bits as usize)) {
                    pack_codes(bits, codes, words);
                }
                scale_layout(kind).pack(&self.block, &mut self.halves);
            }
        }
    }
}

/// Bits of a quant.
fn quant_bits(kind: TensorType) -> u32 {
    match kind {
        TensorType::Q2_K => 2,
        TensorType::Q3_K => 3,
        TensorType::Q4_0 | TensorType::Q4_1 | TensorType::Q4_K | TensorType::IQ4_NL => 4,
        TensorType::Q5_0 | TensorType::Q5_1 | TensorType::Q5_K => 5,
        TensorType::Q6_K => 6,
        TensorType::Q8_0 => 8,
        TensorType::F32 | TensorType::F16 | TensorType::BF16 => 0,
    }
}

/// Packs 32 codes of `bits` bits into as many words: see `shaders/weights/quants_*.wgsl`.
fn pack_codes(bits: u32, codes: &[u8; GROUP], words: &mut [u32]) {
    // Codes are split into planes of bits that divide eight: the lowest bit of each plane, and its width.
    let planes: &[(u32, u32)] = match bits {
        2 => &[(0, 2)],
        3 => &[(0, 2), (2, 1)],
        4 => &[(0, 4)],
        5 => &[(0, 4), (4, 1)],
        6 => &[(0, 4), (4, 2)],
        _ => &[(0, 8)],
    };
    words.fill(0);
    for (lowest, width) in planes {
        // A plane as wide as `width` takes `width` words, and begins after those below it.
        let words = &mut words[*lowest as usize..][..*width as usize];
        let mask = u32::MAX / 255 * ((1 << width) - 1);
        for (part, codes) in codes.as_chunks::<4>().0.iter().enumerate() {
            let plane = u32::from_le_bytes(*codes) >> lowest & mask;
            words[part % words.len()] |= plane << (*width as usize * (part / words.len()));
        }
    }
    if bits == 8 {
        // Codes are raised by 128; the upper byte is read with its sign.
        words.iter_mut().for_each(|word| *word ^= 1 << 31);
    }
}

/// How a block's scales are laid out as halves: `shaders/weights/scales_*.wgsl`.
#[derive(Clone, Copy)]
pub(in crate::gpu) enum ScaleLayout {
    /// A scale.
    One,
    /// A scale and a minimum.
    OneMin,
    /// A scale, then for each 32 columns two signed bytes.
    TwoK,
    /// A scale and a minimum, then for each 32 columns two bytes: what these are multiplied with.
    KMin,
    /// A scale and a minimum, then for each 16 columns a byte: two nibbles that these are multiplied with.
    TwoKMin,
}

/// The layout for a quantised type.
pub(in crate::gpu) fn scale_layout(kind: TensorType) -> ScaleLayout {
    match kind {
        TensorType::Q4_1 | TensorType::Q5_1 => ScaleLayout::OneMin,
        TensorType::Q2_K => ScaleLayout::TwoKMin,
        TensorType::Q3_K | TensorType::Q6_K => ScaleLayout::TwoK,
        TensorType::Q4_K | TensorType::Q5_K => ScaleLayout::KMin,
        _ => ScaleLayout::One,
    }
}

impl ScaleLayout {
    fn halves(self) -> usize {
        match self {
            Self::One => 1,
            Self::OneMin => 2,
            Self::TwoK => 9,
            Self::KMin | Self::TwoKMin => 10,
        }
    }

    fn pack(self, block: &QuantizedBlock, halves: &mut [u16; MOST_HALVES]) {
        let (scales, minimums) = (&block.sub_scales, &block.sub_minimums);
        let scale = |sub: usize| scales[sub].cast_unsigned();
        halves[0] = block.scale.to_bits();
        halves[1] = block.minimum.to_bits();
        let bytes = |pair: usize| match self {
            Self::TwoK => [scale(2 * pair), scale(2 * pair + 1)],
            Self::TwoKMin => [2 * pair, 2 * pair + 1].map(|sub| scale(sub) | minimums[sub] << 4),
            _ => [scale(2 * pair), minimums[2 * pair]],
        };
        let first = match self {
            Self::One | Self::OneMin => return,
            Self::TwoK => 1,
            Self::KMin | Self::TwoKMin => 2,
        };
        for (pair, half) in halves[first..self.halves()].iter_mut().enumerate() {
            *half = u16::from_le_bytes(bytes(pair));
        }
    }
}
