//! Weights on their way from the file to the device.

use std::collections::HashMap;
use std::ops::Range;

use mome_backbone::{MatrixSource, ModelFile, TensorPiece, VectorSource};

use super::device::Gpu;
use super::weights::{Destination, PANEL};
use crate::EngineError;

/// Bytes that are laid out for the kernels at a time, at least one panel of rows.
const BATCH: usize = 1 << 20;

/// The weights of one file, as far as they have come.
#[derive(Default)]
pub(super) struct IncomingWeights {
    /// Matrices, by the tensor that they are in.
    matrices: HashMap<usize, Vec<IncomingMatrix>>,
    /// The data of tensors that are needed as floats: vectors, and small tables.
    floats: HashMap<usize, Vec<u8>>,
}

impl IncomingWeights {
    /// Notes where a matrix is to go.
    pub fn place(&mut self, source: &MatrixSource, destination: Destination) {
        let matrix = IncomingMatrix::new(source.rows.clone(), destination);
        self.matrices.entry(source.tensor).or_default().push(matrix);
    }

    /// Notes that a tensor is needed as floats.
    pub fn want_floats(&mut self, tensor: usize) {
        self.floats.entry(tensor).or_default();
    }

    /// Takes some bytes of a tensor, which follow those that came before.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn take(&mut self, gpu: &Gpu, piece: TensorPiece<'_>) -> Result<(), EngineError> {
        if let Some(floats) = self.floats.get_mut(&piece.tensor) {
            floats.extend_from_slice(piece.bytes);
        }
        let matrices = self.matrices.get_mut(&piece.tensor).into_iter().flatten();
        matrices.into_iter().try_for_each(|matrix| matrix.take(gpu, piece.offset, piece.bytes))
    }

    /// Refuses to go on where a matrix has not come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`].
    pub fn check_matrices(&self, file: &ModelFile) -> Result<(), EngineError> {
        let complete = |matrices: &Vec<IncomingMatrix>| matrices.iter().all(IncomingMatrix::is_complete);
        match self.matrices.iter().find(|(_, matrices)| !complete(matrices)) {
            Some((tensor, _)) => Err(missing(file, *tensor)),
            None => Ok(()),
        }
    }

    /// The numbers of a vector.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where they have not come.
    pub fn vector(&self, file: &ModelFile, source: &VectorSource) -> Result<Vec<f32>, EngineError> {
        self.floats(file, source.tensor, source.elements.start, source.elements.len())
    }

    /// The numbers of a small table, row by row.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where they have not come.
    pub fn table(&self, file: &ModelFile, source: &MatrixSource) -> Result<Vec<f32>, EngineError> {
        let MatrixSource { tensor, rows, columns } = source;
        self.floats(file, *tensor, rows.start * columns, rows.len() * columns)
    }

    /// Some elements of a tensor.
    fn floats(
        &self,
        file: &ModelFile,
        tensor: usize,
        first: usize,
        count: usize,
    ) -> Result<Vec<f32>, EngineError> {
        let kind = file.tensors()[tensor].kind;
        let bytes = kind.row_bytes(first)..kind.row_bytes(first) + kind.row_bytes(count);
        let data = self.floats.get(&tensor).and_then(|data| data.get(bytes));
        let mut values = vec![0.0; count];
        kind.dequantize(data.ok_or_else(|| missing(file, tensor))?, &mut values);
        Ok(values)
    }
}

fn missing(file: &ModelFile, tensor: usize) -> EngineError {
    let (name, problem) = (file.tensors()[tensor].name.clone(), "its data have not come".to_owned());
    EngineError::Tensor { name, problem }
}

/// A matrix of which some rows are on the device. The others come in order, cut anywhere; what is not a whole panel
/// of rows waits for the rest of it.
struct IncomingMatrix {
    /// Its rows of the tensor.
    rows: Range<usize>,
    destination: Destination,
    /// Rows on the device.
    written: usize,
    /// Bytes of the next rows.
    rest: Vec<u8>,
}

impl IncomingMatrix {
    /// Begins with some rows of a tensor, of which nothing has come.
    fn new(rows: Range<usize>, destination: Destination) -> Self {
        Self { rows, destination, written: 0, rest: Vec::new() }
    }

    /// Whether all rows are on the device.
    fn is_complete(&self) -> bool {
        self.written == self.rows.len()
    }

    /// Takes what is of this matrix in some bytes of its tensor, which begin at `offset` in the tensor's data.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    fn take(&mut self, gpu: &Gpu, offset: usize, bytes: &[u8]) -> Result<(), EngineError> {
        let row_bytes = self.destination.row_bytes();
        let start = (self.rows.start * row_bytes).max(offset);
        let end = (self.rows.end * row_bytes).min(offset + bytes.len());
        if start >= end {
            return Ok(());
        }
        let mut bytes = &bytes[start - offset..end - offset];
        while !bytes.is_empty() && !self.is_complete() {
            let panel = self.panel_bytes();
            let batch = (BATCH / panel).max(1) * panel;
            let whole = if self.rest.is_empty() { batch.min(bytes.len() / panel * panel) } else { 0 };
            if whole > 0 {
                self.write(gpu, &bytes[..whole])?;
                bytes = &bytes[whole..];
                continue;
            }
            let (next, others) = bytes.split_at(bytes.len().min(panel - self.rest.len()));
            self.rest.extend_from_slice(next);
            bytes = others;
            if self.rest.len() == panel {
                let rows = std::mem::take(&mut self.rest);
                self.write(gpu, &rows)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, gpu: &Gpu, rows: &[u8]) -> Result<(), EngineError> {
        self.destination.write(gpu, self.written, rows)?;
        self.written += rows.len() / self.destination.row_bytes();
        Ok(())
    }

    /// Bytes of the next panel: the last one may have fewer rows.
    fn panel_bytes(&self) -> usize {
        PANEL.min(self.rows.len() - self.written) * self.destination.row_bytes()
    }
}
