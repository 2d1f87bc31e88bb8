//! Packs a model's weights while its file arrives.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

use mome_backbone::{Backbone, MatrixSource, ModelFile, TensorPiece, VectorSource};

use super::matrix::Matrix;
use super::model::Model;
use super::threads::Processor;
use super::{CpuExecutor, CpuOptions};
use crate::EngineError;

/// The weights of one file, as far as they have come.
#[derive(Default)]
pub(super) struct WeightLoader {
    pub matrices: Arriving<MatrixSource, Matrix>,
    pub vectors: Arriving<VectorSource, Vec<f32>>,
    /// The data of tensors that have come in part.
    partial: HashMap<usize, Vec<u8>>,
}

/// Weights `W` of one sort, by where they are in the file.
pub(super) struct Arriving<S, W> {
    /// Which are in each tensor of the file and have not come.
    wanted: HashMap<usize, Vec<S>>,
    arrived: HashMap<S, W>,
}

impl<S, W> Default for Arriving<S, W> {
    fn default() -> Self {
        Self { wanted: HashMap::new(), arrived: HashMap::new() }
    }
}

impl<S: Clone + Eq + Hash, W> Arriving<S, W> {
    /// Notes that something in a tensor is wanted.
    pub fn want(&mut self, tensor: usize, source: &S) -> Result<(), Infallible> {
        self.wanted.entry(tensor).or_default().push(source.clone());
        Ok(())
    }

    /// Makes weights of all that is wanted of a tensor.
    fn arrive(&mut self, tensor: usize, make: impl Fn(&S) -> W) {
        for source in self.wanted.remove(&tensor).unwrap_or_default() {
            let weights = make(&source);
            self.arrived.insert(source, weights);
        }
    }

    /// Gives out what was wanted, once.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where it has not come.
    pub fn give(&mut self, file: &ModelFile, tensor: usize, source: &S) -> Result<W, EngineError> {
        self.arrived.remove(source).ok_or_else(|| EngineError::Tensor {
            name: file.tensors()[tensor].name.clone(),
            problem: "its data have not come".to_owned(),
        })
    }
}

impl WeightLoader {
    /// Takes some bytes of a tensor, which follow those that came before.
    pub fn take(&mut self, file: &ModelFile, piece: TensorPiece<'_>) {
        let bytes = file.tensors()[piece.tensor].bytes();
        if piece.bytes.len() == bytes {
            return self.pack(file, piece.tensor, piece.bytes);
        }
        let partial = self.partial.entry(piece.tensor).or_default();
        // The file is at least as long as the tensor, and so will what is pushed be.
        partial.reserve_exact(bytes - partial.len());
        partial.extend_from_slice(piece.bytes);
        if partial.len() == bytes {
            let data = self.partial.remove(&piece.tensor).unwrap_or_default();
            self.pack(file, piece.tensor, &data);
        }
    }

    /// Packs what is in a tensor.
    fn pack(&mut self, file: &ModelFile, tensor: usize, data: &[u8]) {
        let kind = file.tensors()[tensor].kind;
        self.matrices.arrive(tensor, |source| {
            let row_bytes = kind.row_bytes(source.columns);
            let Range { start, end } = source.rows;
            Matrix::pack(kind, &data[start * row_bytes..end * row_bytes], end - start, source.columns)
        });
        self.vectors.arrive(tensor, |source| {
            let mut vector = vec![0.0; source.elements.len()];
            kind.dequantize(&data[kind.row_bytes(source.elements.start)..], &mut vector);
            vector
        });
    }
}

/// A backbone on its way to the CPU.
pub(crate) struct CpuLoader {
    backbone: Arc<Backbone>,
    options: CpuOptions,
    weights: WeightLoader,
}

impl CpuLoader {
    /// Begins with nothing.
    pub fn new(backbone: Arc<Backbone>, options: CpuOptions) -> Self {
        let mut weights = WeightLoader::default();
        let Ok(_) = backbone.transformer().try_map(
            |source| weights.matrices.want(source.tensor, source),
            |source| weights.vectors.want(source.tensor, source),
        );
        Self { backbone, options, weights }
    }

    /// Takes some bytes of a tensor, which follow those that came before.
    pub fn take(&mut self, piece: TensorPiece<'_>) {
        self.weights.take(self.backbone.file(), piece);
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come.
    pub fn finish(self) -> Result<CpuExecutor, EngineError> {
        let Self { backbone, options, mut weights } = self;
        let file = backbone.file();
        let weights = backbone.transformer().try_map(
            |source| weights.matrices.give(file, source.tensor, source),
            |source| weights.vectors.give(file, source.tensor, source),
        )?;
        let model = Model::new(backbone.config().clone(), weights, Processor::new(options.threads()));
        Ok(CpuExecutor { backbone, model: Arc::new(model) })
    }
}
