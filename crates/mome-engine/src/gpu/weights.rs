//! Weight matrices in GPU memory, as quantised as in the file, laid out for the kernels.

mod packing;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use mome_backbone::{Tensor, TensorType};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{Store, WeightKernelSet, WeightKernels};
use crate::EngineError;
pub(super) use packing::PANEL;
pub(super) use packing::{ScaleLayout, scale_layout};

/// A weight matrix `[rows, columns]` on the device.
#[derive(Clone)]
pub(super) struct Weights {
    pub rows: usize,
    pub columns: usize,
    /// All rows.
    pub chunks: Vec<RowChunk>,
}

/// Consecutive rows of a weight matrix, of one type and no more than a buffer may hold.
#[derive(Clone)]
pub(super) struct RowChunk {
    pub rows: Range<usize>,
    /// Blocks of a row, as the kernels count them.
    pub blocks: usize,
    /// Binding 1, and 2 where the type has scales apart: see `shaders/weights/`.
    pub buffers: Vec<Buffer>,
    /// The kernels for this type.
    pub kernels: Arc<WeightKernels>,
}

impl Weights {
    /// Uploads tensors with equally many columns as one matrix, the rows of each below those of the one before.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read one.
    pub fn upload(gpu: &Gpu, kernels: &WeightKernelSet, tensors: &[Tensor<'_>]) -> Result<Self, EngineError> {
        let columns = tensors.first().map_or(0, Tensor::columns);
        let mut weights = Self { rows: 0, columns, chunks: Vec::new() };
        for stack in tensors.chunk_by(|a, b| a.kind == b.kind) {
            let first = &stack[0];
            let data = match stack {
                [one] => Cow::Borrowed(one.data),
                several => Cow::Owned(several.iter().map(|tensor| tensor.data).collect::<Vec<_>>().concat()),
            };
            let rows = stack.iter().map(Tensor::rows).sum();
            let row_bytes = first.kind.row_bytes(columns);
            let step = rows_of_a_buffer(gpu, first)?;
            for start in (0..rows).step_by(step) {
                let end = rows.min(start + step);
                let parts = [&data[start * row_bytes..end * row_bytes]];
                let rows = weights.rows + start..weights.rows + end;
                weights.chunks.push(RowChunk::upload(gpu, kernels, first, &parts, rows, columns)?);
            }
            weights.rows += rows;
        }
        Ok(weights)
    }

    /// Uploads two tensors of one type and shape for [`Store::Swiglu`]: chunks have as many
    /// panels of one as of the other. Rows count those of one tensor.
    ///
    /// # Errors
    /// As [`Self::upload`].
    pub fn upload_pair(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        [gate, up]: [&Tensor<'_>; 2],
    ) -> Result<Self, EngineError> {
        let (rows, columns) = (gate.rows(), gate.columns());
        let row_bytes = gate.kind.row_bytes(columns);
        let step = (rows_of_a_buffer(gpu, gate)? / 2 / PANEL).max(1) * PANEL;
        let mut chunks = Vec::new();
        for start in (0..rows).step_by(step) {
            let rows = start..rows.min(start + step);
            let bytes = rows.start * row_bytes..rows.end * row_bytes;
            let parts = [&gate.data[bytes.clone()], &up.data[bytes]];
            chunks.push(RowChunk::upload(gpu, kernels, gate, &parts, rows, columns)?);
        }
        Ok(Self { rows, columns, chunks })
    }

    /// Compiles the matrix products that store as `store` says, so that the first pass need not.
    pub fn compile_matmul(&self, store: Store) {
        for chunk in &self.chunks {
            chunk.kernels.matmul(store);
        }
    }
}

impl RowChunk {
    /// Uploads whole rows of a tensor's type, each part beginning with a panel.
    fn upload(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        Tensor { name, kind, .. }: &Tensor<'_>,
        parts: &[&[u8]],
        rows: Range<usize>,
        columns: usize,
    ) -> Result<Self, EngineError> {
        let (mut words, mut halves) = (Vec::new(), Vec::new());
        for part in parts {
            let (more_words, more_halves) = packing::pack(*kind, columns, part);
            words.extend(more_words);
            halves.extend(more_halves);
        }
        let mut buffers = Vec::new();
        if !words.is_empty() {
            buffers.push(gpu.upload(name, &words)?);
        }
        if !halves.is_empty() {
            buffers.push(gpu.upload(name, bytemuck::cast_slice::<u16, [u16; 2]>(&halves))?);
        }
        let blocks = columns / block_columns(*kind);
        Ok(Self { rows, blocks, buffers, kernels: kernels.get(*kind) })
    }
}

/// Columns of a block in `shaders/weights/`.
fn block_columns(kind: TensorType) -> usize {
    if kind.block_len() == 1 { 4 } else { 32 }
}

/// How many rows of a tensor, whole panels of them, fit in buffers that a kernel can be given.
fn rows_of_a_buffer(gpu: &Gpu, tensor: &Tensor<'_>) -> Result<usize, EngineError> {
    let columns = tensor.columns();
    let wrong = |problem| EngineError::Tensor { name: tensor.name.to_owned(), problem };
    if !columns.is_multiple_of(4) {
        return Err(wrong(format!("its rows have {columns} columns, which 4 does not divide")));
    }
    let panel = packing::panel_bytes(tensor.kind, columns).into_iter().max().unwrap_or_default().max(1);
    match gpu.binding_limit as usize / panel {
        0 => Err(wrong(format!("its rows of {columns} columns are more than a buffer holds"))),
        panels => Ok(panels * PANEL),
    }
}
