//! Matrices on their way from the file to the device.

use std::ops::Range;

use super::device::Gpu;
use super::weights::{Destination, PANEL};
use crate::EngineError;

/// Bytes that are laid out for the kernels at a time, at least one panel of rows.
const BATCH: usize = 1 << 20;

/// A matrix of which some rows are on the device. The others come in order, cut anywhere; what is not a whole panel
/// of rows waits for the rest of it.
pub(super) struct IncomingMatrix {
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
    pub fn new(rows: Range<usize>, destination: Destination) -> Self {
        Self { rows, destination, written: 0, rest: Vec::new() }
    }

    /// Whether all rows are on the device.
    pub fn is_complete(&self) -> bool {
        self.written == self.rows.len()
    }

    /// Takes what is of this matrix in some bytes of its tensor, which begin at `offset` in the tensor's data.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn take(&mut self, gpu: &Gpu, offset: usize, bytes: &[u8]) -> Result<(), EngineError> {
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
