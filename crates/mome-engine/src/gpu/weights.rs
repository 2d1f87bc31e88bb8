//! Weight matrices in GPU memory, as quantised as in the file, laid out for the kernels.

mod packing;

use std::ops::Range;
use std::sync::Arc;

use mome_backbone::TensorType;
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::WeightKernels;
use crate::EngineError;
pub(super) use packing::{PANEL, ScaleLayout, scale_layout};

/// A weight matrix `[rows, columns]` on the device, with the kernels that read it.
#[derive(Clone)]
pub(super) struct Weights {
    pub kind: TensorType,
    pub rows: usize,
    pub columns: usize,
    /// Blocks of a row, as the kernels count them.
    pub blocks: usize,
    /// All rows, as many together as a buffer may hold.
    pub chunks: Vec<RowChunk>,
    pub kernels: Arc<WeightKernels>,
}

/// Consecutive rows of a weight matrix: whole panels, except at the matrix's end.
#[derive(Clone)]
pub(super) struct RowChunk {
    pub rows: Range<usize>,
    /// Binding 1, and 2 where the type has scales apart: see `shaders/weights/`.
    pub buffers: Vec<Buffer>,
}

impl Weights {
    /// Makes room for a matrix `[rows, columns]` of that type. `kernels` are those of the type; `name` is for messages.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read it.
    pub fn allocate(
        gpu: &Gpu,
        kernels: Arc<WeightKernels>,
        name: &str,
        kind: TensorType,
        [rows, columns]: [usize; 2],
    ) -> Result<Self, EngineError> {
        let wrong = |problem| EngineError::Tensor { name: name.to_owned(), problem };
        if !columns.is_multiple_of(4) {
            return Err(wrong(format!("its rows have {columns} columns, which 4 does not divide")));
        }
        let chunk_rows = rows_of_a_chunk(gpu, kind, columns)
            .ok_or_else(|| wrong(format!("its rows of {columns} columns are more than a buffer holds")))?;
        let mut chunks = Vec::new();
        for first in (0..rows).step_by(chunk_rows) {
            let rows = first..rows.min(first + chunk_rows);
            let panels = rows.len().div_ceil(PANEL);
            let parts = packing::panel_bytes(kind, columns).into_iter().filter(|bytes| *bytes > 0);
            let buffers =
                parts.map(|bytes| gpu.storage(name, panels, bytes / 4)).collect::<Result<_, _>>()?;
            chunks.push(RowChunk { rows, buffers });
        }
        Ok(Self { kind, rows, columns, blocks: columns / block_columns(kind), chunks, kernels })
    }

    /// Fills in rows from `first` on, which begins a panel. `data` are whole panels, or all rows that are left.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn write(&self, gpu: &Gpu, first: usize, data: &[u8]) -> Result<(), EngineError> {
        let row_bytes = self.kind.row_bytes(self.columns);
        let given = first..first + data.len() / row_bytes;
        for chunk in &self.chunks {
            let (start, end) = (given.start.max(chunk.rows.start), given.end.min(chunk.rows.end));
            if start >= end {
                continue;
            }
            let data = &data[(start - first) * row_bytes..(end - first) * row_bytes];
            let (words, halves) = packing::pack(self.kind, self.columns, data);
            let parts: [&[u8]; 2] = [bytemuck::cast_slice(&words), bytemuck::cast_slice(&halves)];
            let panels = packing::panel_bytes(self.kind, self.columns);
            let parts = parts.into_iter().zip(panels).filter(|(_, bytes)| *bytes > 0);
            for (buffer, (part, bytes)) in chunk.buffers.iter().zip(parts) {
                let offset = (start - chunk.rows.start) / PANEL * bytes;
                gpu.write(buffer, offset as u64, part)?;
            }
        }
        Ok(())
    }

    /// Uploads a matrix whose data are wholly at hand.
    ///
    /// # Errors
    /// As [`Self::allocate`] and [`Self::write`].
    pub fn upload(
        gpu: &Gpu,
        kernels: Arc<WeightKernels>,
        name: &str,
        kind: TensorType,
        shape: [usize; 2],
        data: &[u8],
    ) -> Result<Self, EngineError> {
        let weights = Self::allocate(gpu, kernels, name, kind, shape)?;
        weights.write(gpu, 0, data)?;
        Ok(weights)
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
        panels => Some(panels * PANEL),
    }
}
