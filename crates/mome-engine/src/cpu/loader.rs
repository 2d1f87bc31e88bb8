//! Packs a backbone's weights while its file arrives.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use mome_backbone::{Backbone, MatrixSource, TensorPiece, VectorSource};

use super::matrix::Matrix;
use super::model::Model;
use super::threads::Processor;
use super::{CpuExecutor, CpuOptions};
use crate::EngineError;

/// The weights, as far as they have come.
pub(crate) struct CpuLoader {
    backbone: Arc<Backbone>,
    options: CpuOptions,
    /// Which matrices and vectors are in each tensor of the file.
    matrices: HashMap<usize, Vec<MatrixSource>>,
    vectors: HashMap<usize, Vec<VectorSource>>,
    /// The data of tensors that have come in part.
    partial: HashMap<usize, Vec<u8>>,
    packed_matrices: HashMap<MatrixSource, Matrix>,
    read_vectors: HashMap<VectorSource, Vec<f32>>,
}

impl CpuLoader {
    /// Begins with nothing.
    pub fn new(backbone: Arc<Backbone>, options: CpuOptions) -> Self {
        let mut matrices: HashMap<usize, Vec<MatrixSource>> = HashMap::new();
        let mut vectors: HashMap<usize, Vec<VectorSource>> = HashMap::new();
        let Ok(_) = backbone.transformer().try_map::<(), (), Infallible>(
            |source| {
                matrices.entry(source.tensor).or_default().push(source.clone());
                Ok(())
            },
            |source| {
                vectors.entry(source.tensor).or_default().push(source.clone());
                Ok(())
            },
        );
        Self {
            backbone,
            options,
            matrices,
            vectors,
            partial: HashMap::new(),
            packed_matrices: HashMap::new(),
            read_vectors: HashMap::new(),
        }
    }

    /// Takes some bytes of a tensor, which follow those that came before.
    pub fn take(&mut self, piece: TensorPiece<'_>) {
        let bytes = self.backbone.tensors()[piece.tensor].bytes();
        if piece.bytes.len() == bytes {
            return self.pack(piece.tensor, piece.bytes);
        }
        let partial = self.partial.entry(piece.tensor).or_default();
        // The file is at least as long as the tensor, and so will what is pushed be.
        partial.reserve_exact(bytes - partial.len());
        partial.extend_from_slice(piece.bytes);
        if partial.len() == bytes {
            let data = self.partial.remove(&piece.tensor).unwrap_or_default();
            self.pack(piece.tensor, &data);
        }
    }

    /// Packs what is in a tensor.
    fn pack(&mut self, tensor: usize, data: &[u8]) {
        let kind = self.backbone.tensors()[tensor].kind;
        for source in self.matrices.remove(&tensor).unwrap_or_default() {
            let row_bytes = kind.row_bytes(source.columns);
            let Range { start, end } = source.rows;
            let rows = &data[start * row_bytes..end * row_bytes];
            let matrix = Matrix::pack(kind, rows, end - start, source.columns);
            self.packed_matrices.insert(source, matrix);
        }
        for source in self.vectors.remove(&tensor).unwrap_or_default() {
            let mut vector = vec![0.0; source.elements.len()];
            kind.dequantize(&data[kind.row_bytes(source.elements.start)..], &mut vector);
            self.read_vectors.insert(source, vector);
        }
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come.
    pub fn finish(mut self) -> Result<CpuExecutor, EngineError> {
        let missing = |tensor: usize| EngineError::Tensor {
            name: self.backbone.tensors()[tensor].name.clone(),
            problem: "its data have not come".to_owned(),
        };
        let weights = self.backbone.transformer().try_map(
            |source| self.packed_matrices.remove(source).ok_or_else(|| missing(source.tensor)),
            |source| self.read_vectors.remove(source).ok_or_else(|| missing(source.tensor)),
        )?;
        let processor = Processor::new(self.options.threads());
        let model = Model::new(self.backbone.config().clone(), weights, processor);
        Ok(CpuExecutor { backbone: self.backbone, model: Arc::new(model) })
    }
}
