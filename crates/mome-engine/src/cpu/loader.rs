//! Collects a backbone's weights while its file arrives.

use std::convert::Infallible;
use std::sync::Arc;

use mome_backbone::{Backbone, MatrixSource, TensorPiece, VectorSource};

use super::CpuExecutor;
use super::matrix::Matrix;
use super::model::Model;

/// The data of tensors, as far as they have come.
pub(crate) struct CpuLoader {
    backbone: Arc<Backbone>,
    /// One for each tensor of the file, in the order of its table.
    tensors: Vec<Vec<u8>>,
}

impl CpuLoader {
    /// Begins with nothing.
    pub fn new(backbone: Arc<Backbone>) -> Self {
        let tensors = backbone.tensors().iter().map(|_| Vec::new()).collect();
        Self { backbone, tensors }
    }

    /// Takes some bytes of a tensor, which follow those that it has.
    pub fn take(&mut self, piece: TensorPiece<'_>) {
        let tensor = &mut self.tensors[piece.tensor];
        if tensor.is_empty() {
            // The file is at least as long as the tensor, and so will what is pushed be.
            tensor.reserve_exact(self.backbone.tensors()[piece.tensor].bytes());
        }
        tensor.extend_from_slice(piece.bytes);
    }

    /// Makes a model of the tensors, all of which have come.
    pub fn finish(self) -> CpuExecutor {
        let tensors: Vec<Arc<[u8]>> = self.tensors.into_iter().map(Arc::from).collect();
        let matrix = |source: &MatrixSource| {
            let kind = self.backbone.tensors()[source.tensor].kind;
            Ok(Matrix::new(kind, tensors[source.tensor].clone(), source.rows.clone(), source.columns))
        };
        let vector = |source: &VectorSource| {
            let kind = self.backbone.tensors()[source.tensor].kind;
            let mut vector = vec![0.0; source.elements.len()];
            kind.dequantize(&tensors[source.tensor][kind.row_bytes(source.elements.start)..], &mut vector);
            Ok(vector)
        };
        let Ok(weights) = self.backbone.transformer().try_map::<_, _, Infallible>(matrix, vector);
        let model = Model::new(self.backbone.config().clone(), weights);
        CpuExecutor { backbone: self.backbone, model: Arc::new(model) }
    }
}
