//! How the numbers of a tensor are stored, and how to get them back as `f32`.
//!
//! Layouts are those of ggml: <https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h>. To add a
//! type: a variant, a line in [`TensorType::SUPPORTED`], and an arm in each `match` below.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// The type of a tensor's elements. Quantised types come in blocks that share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// 32 signed bytes and one half-precision scale.
    Q8_0,
    /// 32 nibbles, each less 8, and one half-precision scale.
    Q4_0,
}

impl TensorType {
    /// Every type that can be read.
    pub const SUPPORTED: [Self; 4] = [Self::F32, Self::F16, Self::Q8_0, Self::Q4_0];

    /// Its name, as ggml writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ggml_name(self.ggml_id())
    }

    /// Elements in a block; 1 for types that are not quantised.
    #[must_use]
    pub fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 => 1,
            Self::Q8_0 | Self::Q4_0 => 32,
        }
    }

    /// Bytes in a block.
    #[must_use]
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
        }
    }

    /// Bytes of a row of `columns` elements, which are a whole number of blocks.
    #[must_use]
    pub fn row_bytes(self, columns: usize) -> usize {
        columns / self.block_len() * self.block_bytes()
    }

    /// Writes the numbers of `bytes` to `out`.
    ///
    /// Stops with the shorter of the two, at a whole block. Inlined, so that a caller compiled for wider vectors
    /// gets a loop with wider vectors.
    #[inline(always)]
    pub fn dequantize(self, bytes: &[u8], out: &mut [f32]) {
        match self {
            Self::F32 => dequantize_f32(bytes, out),
            Self::F16 => dequantize_f16(bytes, out),
            Self::Q8_0 => dequantize_q8_0(bytes, out),
            Self::Q4_0 => dequantize_q4_0(bytes, out),
        }
    }

    /// The number that stands for this type in a GGUF file.
    fn ggml_id(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q8_0 => 8,
        }
    }

    /// The type that a GGUF file calls `id`, where it is supported.
    pub(crate) fn from_ggml_id(id: u32) -> Option<Self> {
        Self::SUPPORTED.into_iter().find(|kind| kind.ggml_id() == id)
    }
}

/// What ggml calls a type, supported or not, for messages.
pub(crate) fn ggml_name(id: u32) -> &'static str {
    const NAMES: [(u32, &str); 21] = [
        (0, "F32"),
        (1, "F16"),
        (2, "Q4_0"),
        (3, "Q4_1"),
        (6, "Q5_0"),
        (7, "Q5_1"),
        (8, "Q8_0"),
        (9, "Q8_1"),
        (10, "Q2_K"),
        (11, "Q3_K"),
        (12, "Q4_K"),
        (13, "Q5_K"),
        (14, "Q6_K"),
        (15, "Q8_K"),
        (16, "IQ2_XXS"),
        (17, "IQ2_XS"),
        (18, "IQ3_XXS"),
        (20, "IQ4_NL"),
        (23, "IQ4_XS"),
        (28, "F64"),
        (30, "BF16"),
    ];
    NAMES.iter().find(|(known, _)| *known == id).map_or("unknown", |(_, name)| name)
}

#[inline(always)]
fn dequantize_f32(bytes: &[u8], out: &mut [f32]) {
    for (number, value) in bytes.as_chunks().0.iter().zip(out) {
        *value = f32::from_le_bytes(*number);
    }
}

#[inline(always)]
fn dequantize_f16(bytes: &[u8], out: &mut [f32]) {
    // In pieces, because the conversion of a slice uses the processor's own instructions.
    const PIECE: usize = 64;
    let mut halves = [f16::ZERO; PIECE];
    for (piece, values) in bytes.chunks(2 * PIECE).zip(out.chunks_mut(PIECE)) {
        let numbers = piece.as_chunks().0;
        for (number, half) in numbers.iter().zip(&mut halves) {
            *half = f16::from_le_bytes(*number);
        }
        let count = numbers.len().min(values.len());
        halves[..count].convert_to_f32_slice(&mut values[..count]);
    }
}

#[inline(always)]
fn dequantize_q8_0(bytes: &[u8], out: &mut [f32]) {
    for (block, values) in bytes.as_chunks::<34>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        let [low, high, quants @ ..] = block;
        let scale = scale(*low, *high);
        // Into a block of its own, which cannot alias the bytes: so the loop becomes vector instructions.
        let mut block = [0.0; 32];
        for at in 0..32 {
            block[at] = scale * f32::from(quants[at].cast_signed());
        }
        *values = block;
    }
}

#[inline(always)]
fn dequantize_q4_0(bytes: &[u8], out: &mut [f32]) {
    for (block, values) in bytes.as_chunks::<18>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        let [low, high, quants @ ..] = block;
        let scale = scale(*low, *high);
        // Low nibbles are the first half of the block, high nibbles the second.
        let mut block = [0.0; 32];
        for at in 0..16 {
            block[at] = scale * (f32::from(quants[at] & 15) - 8.0);
            block[at + 16] = scale * (f32::from(quants[at] >> 4) - 8.0);
        }
        *values = block;
    }
}

/// The scale of a block, in portable code: for a single number, asking what the processor has costs more.
#[inline(always)]
fn scale(low: u8, high: u8) -> f32 {
    f16::from_le_bytes([low, high]).to_f32_const()
}
