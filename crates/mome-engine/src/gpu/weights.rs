//! Weight matrices in GPU memory, as quantised as in the file, laid out for the kernels.

mod packing;

use std::ops::Range;
use std::sync::Arc;

use mome_backbone::{Tensor, TensorType};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::WeightKernels;
use crate::EngineError;
pub(super) use packing::{ScaleLayout, scale_layout};

/// A weight matrix `[rows, columns]` on the device, with the kernels that read it.
#[derive(Clone)]
pub(super) struct Weights {
    pub rows: usize,
    pub columns: usize,
    /// Blocks of a row, as the kernels count them.
    pub blocks: usize,
    /// All rows, as many together as a buffer may hold.
    pub chunks: Vec<RowChunk>,
    pub kernels: Arc<WeightKernels>,
}

/// Consecutive rows of a weight matrix.
#[derive(Clone)]
pub(super) struct RowChunk {
    pub rows: Range<usize>,
    /// Binding 1, and 2 where the type has scales apart: see `shaders/weights/`.
    pub buffers: Vec<Buffer>,
}

impl Weights {
    /// Uploads a tensor. `kernels` are those of its type.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read it.
    pub fn upload(gpu: &Gpu, kernels: Arc<WeightKernels>, tensor: &Tensor<'_>) -> Result<Self, EngineError> {
        let (rows, columns, kind) = (tensor.rows(), tensor.columns(), tensor.kind);
        let wrong = |problem| EngineError::Tensor { name: tensor.name.to_owned(), problem };
        if !columns.is_multiple_of(4) {
            return Err(wrong(format!("its rows have {columns} columns, which 4 does not divide")));
        }
        let row_bytes = kind.row_bytes(columns);
        let chunk_rows = rows_of_a_chunk(gpu, kind, columns)
            .ok_or_else(|| wrong(format!("its rows of {columns} columns are more than a buffer holds")))?;
        let mut chunks = Vec::new();
        for first in (0..rows).step_by(chunk_rows) {
            let rows = first..rows.min(first + chunk_rows);
            let data = &tensor.data[rows.start * row_bytes..rows.end * row_bytes];
            let (words, halves) = packing::pack(kind, columns, data);
            let mut buffers = Vec::new();
            if !words.is_empty() {
                buffers.push(gpu.upload(tensor.name, &words)?);
            }
            if !halves.is_empty() {
                buffers.push(gpu.upload(tensor.name, bytemuck::cast_slice::<u16, [u16; 2]>(&halves))?);
            }
            chunks.push(RowChunk { rows, buffers });
        }
        Ok(Self { rows, columns, blocks: columns / block_columns(kind), chunks, kernels })
    }
}

/// Columns of a block in `shaders/weights/`.
fn block_columns(kind: TensorType) -> usize {
    if kind.block_len() == 1 { 4 } else { 32 }
}

/// How many rows a chunk may have, whole panels of them, so that kernels can be given its buffers.
fn rows_of_a_chunk(gpu: &Gpu, kind: TensorType, columns: usize) -> Option<usize> {
    let panel = packing::panel_bytes(kind, columns).into_iter().max().unwrap_or_default().max(1);
    match gpu.binding_limit as usize / panel {
        0 => None,
        panels => Some(panels * packing::PANEL),
    }
}
