//! How the numbers of a tensor are stored, and how to get them back as `f32`.
//!
//! Layouts are those of ggml: <https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h>. To add a
//! type: a variant, a line in [`TensorType::SUPPORTED`] and in [`TensorType::layout`], and a function that reads it:
//! in [`floats`], or for a quantised type, whose blocks are taken apart into a [`QuantizedBlock`], in [`blocks`] or
//! [`super_blocks`].

mod block;
mod blocks;
mod floats;
mod quantize;
mod super_blocks;

pub use block::QuantizedBlock;

/// The type of a tensor's elements. Quantised types come in blocks that share a scale.
#[expect(non_camel_case_types, reason = "the names that ggml and every model card use")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of IEEE single precision.
    BF16,
    /// 32 nibbles, each less 8, and one half-precision scale.
    Q4_0,
    /// 32 nibbles, one scale and one minimum.
    Q4_1,
    /// 32 times five bits, each less 16, and one scale.
    Q5_0,
    /// 32 times five bits, one scale and one minimum.
    Q5_1,
    /// 32 signed bytes and one scale.
    Q8_0,
    /// 256 times two bits: sixteen sub-blocks, each with a scale and a minimum of four bits.
    Q2_K,
    /// 256 times three bits, each less 4: sixteen sub-blocks, each with a signed scale of six bits.
    Q3_K,
    /// 256 nibbles: eight sub-blocks, each with a scale and a minimum of six bits.
    Q4_K,
    /// 256 times five bits: eight sub-blocks, each with a scale and a minimum of six bits.
    Q5_K,
    /// 256 times six bits, each less 32: sixteen sub-blocks, each with a signed scale of eight bits.
    Q6_K,
    /// 32 nibbles that choose from sixteen unevenly spaced values, and one scale.
    IQ4_NL,
}

/// What a type is called and how large its blocks are.
struct Layout {
    ggml_id: u32,
    name: &'static str,
    block_len: usize,
    block_bytes: usize,
}

impl TensorType {
    /// Every type that can be read.
    pub const SUPPORTED: [Self; 14] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2_K,
        Self::Q3_K,
        Self::Q4_K,
        Self::Q5_K,
        Self::Q6_K,
        Self::IQ4_NL,
    ];

    #[inline(always)]
    fn layout(self) -> Layout {
        let layout = |ggml_id, name, block_len, block_bytes| Layout { ggml_id, name, block_len, block_bytes };
        match self {
            Self::F32 => layout(0, "F32", 1, 4),
            Self::F16 => layout(1, "F16", 1, 2),
            Self::Q4_0 => layout(2, "Q4_0", 32, 2 + 16),
            Self::Q4_1 => layout(3, "Q4_1", 32, 2 + 2 + 16),
            Self::Q5_0 => layout(6, "Q5_0", 32, 2 + 4 + 16),
            Self::Q5_1 => layout(7, "Q5_1", 32, 2 + 2 + 4 + 16),
            Self::Q8_0 => layout(8, "Q8_0", 32, 2 + 32),
            Self::Q2_K => layout(10, "Q2_K", 256, 16 + 64 + 2 + 2),
            Self::Q3_K => layout(11, "Q3_K", 256, 32 + 64 + 12 + 2),
            Self::Q4_K => layout(12, "Q4_K", 256, 2 + 2 + 12 + 128),
            Self::Q5_K => layout(13, "Q5_K", 256, 2 + 2 + 12 + 32 + 128),
            Self::Q6_K => layout(14, "Q6_K", 256, 128 + 64 + 16 + 2),
            Self::IQ4_NL => layout(20, "IQ4_NL", 32, 2 + 16),
            Self::BF16 => layout(30, "BF16", 1, 2),
        }
    }

    /// Its name, as ggml writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.layout().name
    }

    /// Elements in a block; 1 for types that are not quantised.
    #[must_use]
    pub fn block_len(self) -> usize {
        self.layout().block_len
    }

    /// Bytes in a block.
    #[must_use]
    pub fn block_bytes(self) -> usize {
        self.layout().block_bytes
    }

    /// Bytes of a row of `columns` elements, which are a whole number of blocks.
    #[must_use]
    pub fn row_bytes(self, columns: usize) -> usize {
        columns / self.block_len() * self.block_bytes()
    }

    /// Writes the numbers of `bytes` to `out`.
    ///
    /// Stops with the shorter of the two, at a whole block.
    pub fn dequantize(self, bytes: &[u8], out: &mut [f32]) {
        match self {
            Self::F32 => floats::read_f32(bytes, out),
            Self::F16 => floats::read_f16(bytes, out),
            Self::BF16 => floats::read_bf16(bytes, out),
            _ => {
                let Layout { block_len, block_bytes, .. } = self.layout();
                let mut block = QuantizedBlock::default();
                for (bytes, out) in bytes.chunks_exact(block_bytes).zip(out.chunks_exact_mut(block_len)) {
                    self.take_apart(bytes, &mut block);
                    block.dequantize(self, out);
                }
            }
        }
    }

    /// Takes one quantised block apart. Types that are not quantised, and bytes that are not one block, leave
    /// `block` as it was.
    #[inline]
    pub fn take_apart(self, bytes: &[u8], block: &mut QuantizedBlock) {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => {}
            Self::Q4_0 | Self::IQ4_NL => with_bytes(bytes, block, blocks::read_q4_0),
            Self::Q4_1 => with_bytes(bytes, block, blocks::read_q4_1),
            Self::Q5_0 => with_bytes(bytes, block, blocks::read_q5_0),
            Self::Q5_1 => with_bytes(bytes, block, blocks::read_q5_1),
            Self::Q8_0 => with_bytes(bytes, block, blocks::read_q8_0),
            Self::Q2_K => with_bytes(bytes, block, super_blocks::read_q2_k),
            Self::Q3_K => with_bytes(bytes, block, super_blocks::read_q3_k),
            Self::Q4_K => with_bytes(bytes, block, super_blocks::read_q4_k),
            Self::Q5_K => with_bytes(bytes, block, super_blocks::read_q5_k),
            Self::Q6_K => with_bytes(bytes, block, super_blocks::read_q6_k),
        }
    }

    /// The value that a code of a [`QuantizedBlock`] of this type stands for, before scaling.
    #[inline(always)]
    #[must_use]
    pub fn code_value(self, code: u8) -> i16 {
        match self {
            Self::IQ4_NL => blocks::IQ4_NL_VALUES[usize::from(code & 15)].into(),
            _ => i16::from(code) - self.code_offset(),
        }
    }

    /// What is taken off the codes of a [`QuantizedBlock`] of this type, where its values are evenly spaced.
    #[inline(always)]
    fn code_offset(self) -> i16 {
        match self {
            Self::Q4_0 => 8,
            Self::Q5_0 => 16,
            Self::Q8_0 => 128,
            Self::Q3_K => 4,
            Self::Q6_K => 32,
            _ => 0,
        }
    }

    /// The number that stands for this type in a GGUF file.
    pub(crate) fn ggml_id(self) -> u32 {
        self.layout().ggml_id
    }

    /// The type that a GGUF file calls `id`, where it is supported.
    pub(crate) fn from_ggml_id(id: u32) -> Option<Self> {
        Self::SUPPORTED.into_iter().find(|kind| kind.ggml_id() == id)
    }
}

/// Reads a block whose size is known when the reader is compiled.
#[inline(always)]
fn with_bytes<const N: usize>(
    bytes: &[u8],
    block: &mut QuantizedBlock,
    read: impl Fn(&[u8; N], &mut QuantizedBlock),
) {
    if let Ok(bytes) = bytes.try_into() {
        read(bytes, block);
    }
}

/// What ggml calls a type, supported or not, for messages.
pub(crate) fn ggml_name(id: u32) -> &'static str {
    const UNSUPPORTED: [(u32, &str); 14] = [
        (9, "Q8_1"),
        (15, "Q8_K"),
        (16, "IQ2_XXS"),
        (17, "IQ2_XS"),
        (18, "IQ3_XXS"),
        (19, "IQ1_S"),
        (21, "IQ3_S"),
        (22, "IQ2_S"),
        (23, "IQ4_XS"),
        (28, "F64"),
        (29, "IQ1_M"),
        (34, "TQ1_0"),
        (35, "TQ2_0"),
        (39, "MXFP4"),
    ];
    let unsupported =
        || UNSUPPORTED.iter().find(|(known, _)| *known == id).map_or("unknown", |(_, name)| name);
    TensorType::from_ggml_id(id).map_or_else(unsupported, TensorType::name)
}
