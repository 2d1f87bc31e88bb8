//! Weight matrices in GPU memory, in the type that the file has, laid out for the kernels.

use std::sync::Arc;

use half::f16;
use mome_backbone::TensorType;
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::WeightKernels;
use crate::EngineError;

/// A weight matrix `[rows, columns]` on the device, with the kernels that read it.
#[derive(Clone)]
pub(super) struct Weights {
    pub rows: usize,
    pub columns: usize,
    /// Binding 1, and 2 where the type has scales apart: see `shaders/weights_*.wgsl`.
    pub buffers: Vec<Buffer>,
    pub kernels: Arc<WeightKernels>,
}

impl Weights {
    /// Uploads a matrix `[rows, columns]` of that type. `kernels` are those of the type; `name` is for messages.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read it.
    pub fn upload(
        gpu: &Gpu,
        kernels: Arc<WeightKernels>,
        name: &str,
        kind: TensorType,
        [rows, columns]: [usize; 2],
        data: &[u8],
    ) -> Result<Self, EngineError> {
        if !columns.is_multiple_of(4) {
            let problem = format!("its rows have {columns} columns, which 4 does not divide");
            return Err(EngineError::Tensor { name: name.to_owned(), problem });
        }
        let packed = pack(kind, data);
        let buffers = packed.iter().map(|words| gpu.upload(name, words));
        let buffers = buffers.collect::<Result<_, _>>().map_err(|error| match error {
            EngineError::Gpu(problem) => EngineError::Tensor { name: name.to_owned(), problem },
            other => other,
        })?;
        Ok(Self { rows, columns, buffers, kernels })
    }
}

/// The words of each buffer that `shaders/weights_*.wgsl` describes for this type.
fn pack(kind: TensorType, data: &[u8]) -> Vec<Vec<u32>> {
    match kind {
        TensorType::F32 | TensorType::F16 => vec![words(data).collect()],
        TensorType::Q8_0 => {
            let blocks = data.as_chunks::<34>().0;
            vec![blocks.iter().flat_map(|block| words(&block[2..])).collect(), scales(blocks)]
        }
        TensorType::Q4_0 => {
            let blocks = data.as_chunks::<18>().0;
            vec![blocks.iter().flat_map(|block| nibbles_in_order(&block[2..])).collect(), scales(blocks)]
        }
        // There are no kernels for these, so none come here.
        _ => Vec::new(),
    }
}

/// Bytes as little-endian words.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word))
}

/// The scales at the head of quantised blocks, as 32-bit floats: unpacking half-precision ones in the kernels
/// costs more than their two bytes more a block.
fn scales<const N: usize>(blocks: &[[u8; N]]) -> Vec<u32> {
    blocks.iter().map(|block| f16::from_le_bytes([block[0], block[1]]).to_f32().to_bits()).collect()
}

/// The quants of a Q4_0 block, eight to a word in the order of columns: the file has columns 0 to 15 in the lower
/// nibbles of the block's bytes, and 16 to 31 in the upper ones.
fn nibbles_in_order(block: &[u8]) -> [u32; 4] {
    let word = |bytes: &[u8], shift: u32| {
        bytes.iter().rev().fold(0, |word, byte| word << 4 | u32::from(*byte) >> shift & 15)
    };
    let (left, right) = block.split_at(8);
    [word(left, 0), word(right, 0), word(left, 4), word(right, 4)]
}
