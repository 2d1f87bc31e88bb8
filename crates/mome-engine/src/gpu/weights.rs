//! Weight matrices in GPU memory, as quantised as in the file, laid out for the kernels.

mod packing;

use std::ops::Range;
use std::sync::Arc;

use mome_backbone::TensorType;
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{Store, WeightKernelSet, WeightKernels};
use crate::EngineError;
pub(super) use packing::{PANEL, ScaleLayout, scale_layout};

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

/// A matrix as a file has it.
#[derive(Clone, Copy)]
pub(super) struct FileMatrix<'a> {
    /// What messages call it.
    pub name: &'a str,
    pub kind: TensorType,
    pub rows: usize,
    pub columns: usize,
}

/// Where on the device the rows of a [`FileMatrix`] go.
pub(super) struct Destination {
    kind: TensorType,
    columns: usize,
    places: Vec<Place>,
}

/// Where some rows of a matrix go: to panels of these buffers, `panel` being the first.
struct Place {
    rows: Range<usize>,
    buffers: Vec<Buffer>,
    panel: usize,
}

impl Weights {
    /// Makes room for matrices with equally many columns as one matrix, the rows of each below those of the one before.
    /// Says where each goes.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read one.
    pub fn stack(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        matrices: &[FileMatrix<'_>],
    ) -> Result<(Self, Vec<Destination>), EngineError> {
        let columns = matrices.first().map_or(0, |matrix| matrix.columns);
        let mut weights = Self { rows: 0, columns, chunks: Vec::new() };
        let mut destinations = Vec::new();
        // Matrices share chunks where each begins with a panel.
        for stack in matrices.chunk_by(|a, b| a.kind == b.kind && a.rows.is_multiple_of(PANEL)) {
            let rows: usize = stack.iter().map(|matrix| matrix.rows).sum();
            let step = stack[0].rows_of_a_buffer(gpu)?;
            let mut chunks = Vec::new();
            for start in (0..rows).step_by(step) {
                let rows = start..rows.min(start + step);
                let buffers = stack[0].allocate(gpu, rows.len().div_ceil(PANEL))?;
                let above = weights.rows + rows.start..weights.rows + rows.end;
                weights.chunks.push(RowChunk::new(&stack[0], kernels, above, &buffers));
                chunks.push((rows, buffers));
            }
            let mut first = 0;
            for matrix in stack {
                let own = first..first + matrix.rows;
                let place = |(chunk, buffers): &(Range<usize>, Vec<Buffer>)| {
                    let (start, end) = (own.start.max(chunk.start), own.end.min(chunk.end));
                    let rows = start.saturating_sub(own.start)..end.saturating_sub(own.start);
                    let panel = start.saturating_sub(chunk.start) / PANEL;
                    (start < end).then(|| Place { rows, buffers: buffers.clone(), panel })
                };
                destinations.push(matrix.destination(chunks.iter().filter_map(place).collect()));
                first = own.end;
            }
            weights.rows += rows;
        }
        Ok((weights, destinations))
    }

    /// Makes room for two matrices of one type and shape for [`Store::gated`]: chunks have as
    /// many panels of one as of the other. Rows count those of one matrix. Says where each goes.
    ///
    /// # Errors
    /// As [`Self::stack`].
    pub fn pair(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        matrix: FileMatrix<'_>,
    ) -> Result<(Self, [Destination; 2]), EngineError> {
        let step = (matrix.rows_of_a_buffer(gpu)? / 2 / PANEL).max(1) * PANEL;
        let mut weights = Self { rows: matrix.rows, columns: matrix.columns, chunks: Vec::new() };
        let (mut gate, mut up) = (Vec::new(), Vec::new());
        for start in (0..matrix.rows).step_by(step) {
            let rows = start..matrix.rows.min(start + step);
            let panels = rows.len().div_ceil(PANEL);
            let buffers = matrix.allocate(gpu, 2 * panels)?;
            weights.chunks.push(RowChunk::new(&matrix, kernels, rows.clone(), &buffers));
            gate.push(Place { rows: rows.clone(), buffers: buffers.clone(), panel: 0 });
            up.push(Place { rows, buffers, panel: panels });
        }
        Ok((weights, [gate, up].map(|places| matrix.destination(places))))
    }

    /// Uploads one matrix whose data are at hand.
    ///
    /// # Errors
    /// As [`Self::stack`] and [`Destination::write`].
    pub fn upload(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        matrix: FileMatrix<'_>,
        data: &[u8],
    ) -> Result<Self, EngineError> {
        let (weights, destinations) = Self::stack(gpu, kernels, &[matrix])?;
        destinations.iter().try_for_each(|destination| destination.write(gpu, 0, data))?;
        Ok(weights)
    }

    /// Compiles the matrix products that store as `store` says, so that the first pass need not.
    pub fn compile_matmul(&self, store: Store) {
        for chunk in &self.chunks {
            chunk.kernels.matmul(store);
        }
    }
}

impl RowChunk {
    fn new(
        matrix: &FileMatrix<'_>,
        kernels: &WeightKernelSet,
        rows: Range<usize>,
        buffers: &[Buffer],
    ) -> Self {
        let block_columns = if matrix.kind.block_len() == 1 { 4 } else { 32 };
        let blocks = matrix.columns / block_columns;
        Self { rows, blocks, buffers: buffers.to_vec(), kernels: kernels.get(matrix.kind) }
    }
}

impl FileMatrix<'_> {
    /// How many rows, whole panels of them, fit in buffers that a kernel can be given.
    fn rows_of_a_buffer(&self, gpu: &Gpu) -> Result<usize, EngineError> {
        let wrong = |problem| EngineError::Tensor { name: self.name.to_owned(), problem };
        let columns = self.columns;
        if !columns.is_multiple_of(4) {
            return Err(wrong(format!("its rows have {columns} columns, which 4 does not divide")));
        }
        let panel = packing::panel_bytes(self.kind, columns).into_iter().max().unwrap_or_default().max(1);
        match gpu.binding_limit as usize / panel {
            0 => Err(wrong(format!("its rows of {columns} columns are more than a buffer holds"))),
            panels => Ok(panels * PANEL),
        }
    }

    fn allocate(&self, gpu: &Gpu, panels: usize) -> Result<Vec<Buffer>, EngineError> {
        let parts = packing::panel_bytes(self.kind, self.columns).into_iter().filter(|bytes| *bytes > 0);
        parts.map(|bytes| gpu.storage(self.name, panels, bytes / 4)).collect()
    }

    fn destination(&self, places: Vec<Place>) -> Destination {
        Destination { kind: self.kind, columns: self.columns, places }
    }
}

impl Destination {
    /// Bytes of a row in the file.
    pub fn row_bytes(&self) -> usize {
        self.kind.row_bytes(self.columns)
    }

    /// Fills in rows from `first` on, which begins a panel. `data` are whole panels, or all rows that are left.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn write(&self, gpu: &Gpu, first: usize, data: &[u8]) -> Result<(), EngineError> {
        let row_bytes = self.row_bytes();
        let given = first..first + data.len() / row_bytes;
        for place in &self.places {
            let (start, end) = (given.start.max(place.rows.start), given.end.min(place.rows.end));
            if start >= end {
                continue;
            }
            let data = &data[(start - first) * row_bytes..(end - first) * row_bytes];
            let (words, halves) = packing::pack(self.kind, self.columns, data);
            let parts: [&[u8]; 2] = [bytemuck::cast_slice(&words), bytemuck::cast_slice(&halves)];
            let panels = packing::panel_bytes(self.kind, self.columns);
            let parts = parts.into_iter().zip(panels).filter(|(_, bytes)| *bytes > 0);
            let panel = place.panel + (start - place.rows.start) / PANEL;
            for (buffer, (part, bytes)) in place.buffers.iter().zip(parts) {
                gpu.write(buffer, (panel * bytes) as u64, part)?;
            }
        }
        Ok(())
    }
}
