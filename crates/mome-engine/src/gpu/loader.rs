//! Puts a backbone's weights on the device while its file arrives.

use std::collections::HashMap;
use std::sync::Arc;

use mome_backbone::{
    Activation, Backbone, MatrixSource, NormKind, RopePairs, TensorPiece, Transformer, VectorSource,
};

use super::device::Gpu;
use super::incoming::IncomingMatrix;
use super::kernels::{Kernels, WeightKernelSet};
use super::model::Model;
use super::sequence::GpuSequence;
use super::weights::Weights;
use super::{GpuExecutor, Shared};
use crate::self_check::{self, SmallMatrix, SmallModel};
use crate::{EngineError, OpenOptions};

/// The widest head that `attention.wgsl` can sum, four columns a lane.
const MAX_HEAD_WIDTH: usize = 256;

/// A device that takes weights.
pub(crate) struct GpuLoader {
    backbone: Arc<Backbone>,
    gpu: Gpu,
    kernels: Arc<Kernels>,
    weight_kernels: WeightKernelSet,
    /// The matrices in each tensor of the file.
    matrices: HashMap<usize, Vec<IncomingMatrix>>,
    /// The data of tensors that are vectors, as far as they have come.
    vectors: HashMap<usize, Vec<u8>>,
}

impl GpuLoader {
    /// Opens a GPU, compiles the kernels, checks them where `options` say so, and makes room for the weights. Adapters
    /// that are emulated in software are refused unless `allow_software` is set.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where there is no adapter to use, or it cannot run the backbone, or computes wrongly.
    pub async fn new(
        backbone: Arc<Backbone>,
        allow_software: bool,
        options: OpenOptions,
    ) -> Result<Self, EngineError> {
        if let Some(problem) = unsupported(&backbone) {
            return Err(EngineError::NoGpu(problem));
        }
        let gpu = Gpu::open(allow_software).await?;
        let name = gpu.name.clone();
        Self::on(gpu, backbone, options).await.map_err(|error| match error {
            EngineError::Gpu(problem) => EngineError::NoGpu(format!("{name} failed: {problem}")),
            EngineError::NoGpu(problem) => EngineError::NoGpu(format!("{name} {problem}")),
            other => other,
        })
    }

    async fn on(gpu: Gpu, backbone: Arc<Backbone>, options: OpenOptions) -> Result<Self, EngineError> {
        let mut weight_kernels = WeightKernelSet::new(gpu.lanes());
        let transformer = backbone.transformer();
        let compile = || {
            let compile = |source: &MatrixSource| {
                weight_kernels.get(&gpu.device, backbone.tensors()[source.tensor].kind);
                Ok::<_, EngineError>(())
            };
            transformer.try_map(compile, |_| Ok(()))?;
            Ok(Arc::new(Kernels::new(&gpu.device)))
        };
        let kernels = gpu.checked(compile).await?;
        if options.self_check {
            check(&gpu, &kernels, &mut weight_kernels, &backbone).await?;
        }

        let (mut matrices, mut vectors) = (HashMap::<_, Vec<_>>::new(), HashMap::new());
        let allocate = || {
            transformer.try_map(
                |source| {
                    let info = &backbone.tensors()[source.tensor];
                    let kernels = weight_kernels.get(&gpu.device, info.kind);
                    let shape = [source.rows.len(), source.columns];
                    let weights = Weights::allocate(&gpu, kernels, &info.name, info.kind, shape)?;
                    let incoming = IncomingMatrix::new(source.clone(), weights);
                    matrices.entry(source.tensor).or_default().push(incoming);
                    Ok(())
                },
                |source| {
                    vectors.entry(source.tensor).or_default();
                    Ok::<_, EngineError>(())
                },
            )
        };
        gpu.checked(allocate).await?;
        Ok(Self { backbone, gpu, kernels, weight_kernels, matrices, vectors })
    }

    /// Takes some bytes of a tensor, which follow those that came before.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn take(&mut self, piece: TensorPiece<'_>) -> Result<(), EngineError> {
        if let Some(vector) = self.vectors.get_mut(&piece.tensor) {
            vector.extend_from_slice(piece.bytes);
        }
        let matrices = self.matrices.get_mut(&piece.tensor).into_iter().flatten();
        matrices.into_iter().try_for_each(|matrix| matrix.take(&self.gpu, piece.offset, piece.bytes))
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come, [`EngineError::Gpu`] where the device failed.
    pub async fn finish(mut self) -> Result<GpuExecutor, EngineError> {
        let weights = self.backbone.transformer().try_map(
            |source| self.matrix(source).ok_or_else(|| self.missing(source.tensor)),
            |source| self.vector(source).ok_or_else(|| self.missing(source.tensor)),
        )?;
        let Self { backbone, gpu, kernels, weight_kernels, .. } = &mut self;
        let config = backbone.config().clone();
        let model = gpu.checked(|| Model::new(&weights, &config, gpu, weight_kernels)).await?;
        let shared = Shared { config, gpu: gpu.clone(), kernels: kernels.clone(), model };
        Ok(GpuExecutor { backbone: backbone.clone(), shared: Arc::new(shared) })
    }

    fn matrix(&self, source: &MatrixSource) -> Option<Weights> {
        let matrices = self.matrices.get(&source.tensor)?;
        let matrix = matrices.iter().find(|matrix| matrix.source == *source && matrix.is_complete())?;
        Some(matrix.weights.clone())
    }

    fn vector(&self, source: &VectorSource) -> Option<Vec<f32>> {
        let kind = self.backbone.tensors()[source.tensor].kind;
        let data = self.vectors.get(&source.tensor)?;
        let range = kind.row_bytes(source.elements.start)..kind.row_bytes(source.elements.end);
        let mut values = vec![0.0; source.elements.len()];
        kind.dequantize(data.get(range)?, &mut values);
        Some(values)
    }

    fn missing(&self, tensor: usize) -> EngineError {
        let name = self.backbone.tensors()[tensor].name.clone();
        EngineError::Tensor { name, problem: "its data have not come".to_owned() }
    }
}

/// Runs a small model of the backbone's making on these kernels and on the CPU. This also makes the driver ready for
/// the passes to come.
///
/// # Errors
/// [`EngineError::NoGpu`] where they differ, and what the device reports.
async fn check(
    gpu: &Gpu,
    kernels: &Arc<Kernels>,
    weight_kernels: &mut WeightKernelSet,
    backbone: &Backbone,
) -> Result<(), EngineError> {
    let small = SmallModel::like(backbone);
    let upload = || {
        let matrix = |matrix: &SmallMatrix| {
            let SmallMatrix { kind, rows, columns, data } = matrix;
            let kernels = weight_kernels.get(&gpu.device, *kind);
            Weights::upload(gpu, kernels, "self-check", *kind, [*rows, *columns], data)
        };
        let weights: Transformer<Weights, Vec<f32>> =
            small.weights.try_map(matrix, |vector| Ok::<_, EngineError>(vector.clone()))?;
        Model::new(&weights, &small.config, gpu, weight_kernels)
    };
    let model = gpu.checked(upload).await?;
    let shared = Shared { config: small.config.clone(), gpu: gpu.clone(), kernels: kernels.clone(), model };
    let mut sequence = GpuSequence::new(Arc::new(shared), small.config.context)?;
    self_check::compare(&small, &mut sequence).await
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
        && transformer.blocks.iter().all(|block| block.query_norm.is_none() && block.query.bias.is_none());
    (!plain).then(|| format!("the kernels cannot run {} backbones like this one", config.architecture))
}
