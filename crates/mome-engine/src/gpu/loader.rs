//! Puts a backbone's weights on the device while its file arrives.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use mome_backbone::{Activation, Backbone, MatrixSource, NormKind, RopePairs, TensorPiece, VectorSource};
use wgpu::Buffer;

use super::device::Gpu;
use super::kernels::{Kernels, WeightKernelSet};
use super::model::Model;
use super::weights::Weights;
use super::{GpuExecutor, Shared};
use crate::EngineError;

/// The widest head that `attention.wgsl` can sum, four columns a lane.
const MAX_HEAD_WIDTH: usize = 256;

/// A device that takes weights.
pub(crate) struct GpuLoader {
    backbone: Arc<Backbone>,
    gpu: Gpu,
    kernels: Kernels,
    weight_kernels: WeightKernelSet,
    /// Which matrices and vectors are in each tensor of the file.
    matrices: HashMap<usize, Vec<MatrixSource>>,
    vectors: HashMap<usize, Vec<VectorSource>>,
    /// The data of tensors that have come in part.
    partial: HashMap<usize, Vec<u8>>,
    loaded_matrices: HashMap<MatrixSource, Weights>,
    loaded_vectors: HashMap<VectorSource, Buffer>,
}

impl GpuLoader {
    /// Opens a GPU and compiles the kernels. Adapters that are emulated in software are refused unless
    /// `allow_software` is set.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where there is no adapter to use or the kernels cannot run the backbone,
    /// [`EngineError::Gpu`] where the device fails.
    pub async fn new(backbone: Arc<Backbone>, allow_software: bool) -> Result<Self, EngineError> {
        if let Some(problem) = unsupported(&backbone) {
            return Err(EngineError::NoGpu(problem));
        }
        let gpu = Gpu::open(allow_software).await?;
        let kernels = gpu.checked(|| Ok(Kernels::new(&gpu.device))).await?;
        let mut matrices: HashMap<usize, Vec<MatrixSource>> = HashMap::new();
        let mut vectors: HashMap<usize, Vec<VectorSource>> = HashMap::new();
        backbone.transformer().try_map::<(), (), EngineError>(
            |source| {
                matrices.entry(source.tensor).or_default().push(source.clone());
                Ok(())
            },
            |source| {
                vectors.entry(source.tensor).or_default().push(source.clone());
                Ok(())
            },
        )?;
        Ok(Self {
            backbone,
            gpu,
            kernels,
            weight_kernels: WeightKernelSet::default(),
            matrices,
            vectors,
            partial: HashMap::new(),
            loaded_matrices: HashMap::new(),
            loaded_vectors: HashMap::new(),
        })
    }

    /// Takes some bytes of a tensor, which follow those that came before.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a matrix does not fit the kernels.
    pub fn take(&mut self, piece: TensorPiece<'_>) -> Result<(), EngineError> {
        let bytes = self.backbone.tensors()[piece.tensor].bytes();
        if piece.bytes.len() == bytes {
            return self.upload(piece.tensor, piece.bytes);
        }
        let partial = self.partial.entry(piece.tensor).or_default();
        partial.reserve_exact(bytes - partial.len());
        partial.extend_from_slice(piece.bytes);
        if partial.len() < bytes {
            return Ok(());
        }
        let data = self.partial.remove(&piece.tensor).unwrap_or_default();
        self.upload(piece.tensor, &data)
    }

    /// Uploads what is in a tensor.
    fn upload(&mut self, tensor: usize, data: &[u8]) -> Result<(), EngineError> {
        let backbone = self.backbone.clone();
        let info = &backbone.tensors()[tensor];
        for source in self.matrices.remove(&tensor).unwrap_or_default() {
            let Range { start, end } = source.rows;
            let row_bytes = info.kind.row_bytes(source.columns);
            let rows = &data[start * row_bytes..end * row_bytes];
            let kernels = self.weight_kernels.get(&self.gpu.device, info.kind)?;
            let shape = [end - start, source.columns];
            let weights = Weights::upload(&self.gpu, kernels, &info.name, info.kind, shape, rows)?;
            self.loaded_matrices.insert(source, weights);
        }
        for source in self.vectors.remove(&tensor).unwrap_or_default() {
            let mut values = vec![0.0; source.elements.len()];
            info.kind.dequantize(&data[info.kind.row_bytes(source.elements.start)..], &mut values);
            let buffer = self.gpu.upload(&info.name, &values)?;
            self.loaded_vectors.insert(source, buffer);
        }
        Ok(())
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come, [`EngineError::Gpu`] where the device failed.
    pub async fn finish(mut self) -> Result<GpuExecutor, EngineError> {
        let missing = |tensor: usize| EngineError::Tensor {
            name: self.backbone.tensors()[tensor].name.clone(),
            problem: "its data have not come".to_owned(),
        };
        let weights = self.backbone.transformer().try_map(
            |source| self.loaded_matrices.get(source).cloned().ok_or_else(|| missing(source.tensor)),
            |source| self.loaded_vectors.get(source).cloned().ok_or_else(|| missing(source.tensor)),
        )?;
        let model = Model::new(weights, self.backbone.config(), &self.gpu, &mut self.weight_kernels)?;
        self.gpu.checked(|| Ok(())).await?;
        let Self { backbone, gpu, kernels, .. } = self;
        Ok(GpuExecutor(Arc::new(Shared { backbone, gpu, kernels, model })))
    }
}

/// Why the kernels cannot run a backbone, where they cannot.
fn unsupported(backbone: &Backbone) -> Option<String> {
    let config = backbone.config();
    let width = config.head_width;
    if !width.is_multiple_of(4) || width > MAX_HEAD_WIDTH {
        return Some(format!("heads are {width} wide, not a multiple of 4 up to {MAX_HEAD_WIDTH}"));
    }
    let transformer = backbone.transformer();
    let plain = config.norm == NormKind::Rms
        && config.activation == Activation::GatedSilu
        && config.rope.is_some_and(|rope| rope.pairs == RopePairs::Interleaved)
        && transformer.rope_factors.is_none()
        && transformer.blocks.iter().all(|block| block.query_norm.is_none() && block.query.bias.is_none());
    (!plain).then(|| format!("the kernels cannot run {} backbones like this one", config.architecture))
}
