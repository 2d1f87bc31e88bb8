//! Puts a backbone's weights on the device while its file arrives.

use std::sync::Arc;

use mome_backbone::{Backbone, MatrixSource, ModelFile, TensorPiece};

use super::device::Gpu;
use super::incoming::IncomingWeights;
use super::kernels::{Kernels, WeightKernelSet};
use super::matrices::Matrices;
use super::model::Model;
use super::sequence::GpuSequence;
use super::weights::{Destination, FileMatrix};
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
    weight_kernels: Arc<WeightKernelSet>,
    matrices: Matrices,
    /// Of the vectors, and of learned positions, the data are needed as floats.
    incoming: IncomingWeights,
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
        if let Some(problem) = unsupported_heads(backbone.config().head_width) {
            return Err(EngineError::NoGpu(problem));
        }
        Gpu::open_ready(allow_software, |gpu| Self::on(gpu, backbone.clone(), options)).await
    }

    /// Makes an opened GPU ready: see [`Self::new`].
    ///
    /// # Errors
    /// As [`Self::new`], and what the device reports.
    pub(super) async fn on(
        gpu: Gpu,
        backbone: Arc<Backbone>,
        options: OpenOptions,
    ) -> Result<Self, EngineError> {
        let compile = || Ok(Arc::new(Kernels::new(&gpu.device, gpu.variant())));
        let kernels = gpu.checked(compile).await?;
        let weight_kernels = Arc::new(WeightKernelSet::new(&gpu.device, gpu.variant()));
        if options.self_check {
            check(&gpu, &kernels, &weight_kernels, &backbone).await?;
        }

        let transformer = backbone.transformer();
        let mut incoming = IncomingWeights::default();
        let allocate = || {
            let describe = |source: &MatrixSource| describe(backbone.file(), source);
            let mut place = |source: &MatrixSource, destination| incoming.place(source, destination);
            let matrices = Matrices::allocate(&gpu, &weight_kernels, transformer, describe, &mut place)?;
            matrices.compile();
            Ok(matrices)
        };
        let matrices = gpu.checked(allocate).await?;
        transformer.positions.iter().for_each(|source| incoming.want_floats(source.tensor));
        transformer.try_map(
            |_| Ok::<_, EngineError>(()),
            |source| {
                incoming.want_floats(source.tensor);
                Ok(())
            },
        )?;
        Ok(Self { backbone, gpu, kernels, weight_kernels, matrices, incoming })
    }

    /// Takes some bytes of a tensor, which follow those that came before.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn take(&mut self, piece: TensorPiece<'_>) -> Result<(), EngineError> {
        self.incoming.take(&self.gpu, piece)
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come, [`EngineError::Gpu`] where the device failed.
    pub async fn finish(self) -> Result<GpuExecutor, EngineError> {
        let (file, incoming) = (self.backbone.file(), &self.incoming);
        incoming.check_matrices(file)?;
        let transformer = self.backbone.transformer();
        let vectors = transformer.try_map(|_| Ok(()), |source| incoming.vector(file, source))?;
        let positions = transformer.positions.as_ref().map(|source| incoming.table(file, source));
        let positions = positions.transpose()?;

        let Self { backbone, gpu, kernels, weight_kernels, matrices, .. } = self;
        let config = backbone.config().clone();
        let finish = || Model::new(&gpu, weight_kernels, &config, matrices, &vectors, positions.as_deref());
        let model = gpu.checked(finish).await?;
        Ok(GpuExecutor { backbone, shared: Arc::new(Shared { config, gpu, kernels, model }) })
    }
}

/// A matrix of a file.
pub(super) fn describe<'a>(file: &'a ModelFile, source: &MatrixSource) -> FileMatrix<'a> {
    let info = &file.tensors()[source.tensor];
    FileMatrix { name: &info.name, kind: info.kind, rows: source.rows.len(), columns: source.columns }
}

/// Runs a small model of the backbone's making on these kernels and on the CPU. This also makes the driver ready for
/// the passes to come.
///
/// # Errors
/// [`EngineError::NoGpu`] where they differ, and what the device reports.
pub(super) async fn check(
    gpu: &Gpu,
    kernels: &Arc<Kernels>,
    weight_kernels: &Arc<WeightKernelSet>,
    backbone: &Backbone,
) -> Result<(), EngineError> {
    let small = SmallModel::like(backbone);
    let upload = || {
        let mut written = Ok(());
        let mut write = |matrix: &SmallMatrix, destination: Destination| {
            if written.is_ok() {
                written = destination.write(gpu, 0, &matrix.data);
            }
        };
        let matrices = Matrices::allocate(gpu, weight_kernels, &small.weights, describe_small, &mut write)?;
        written?;
        let vectors = small.weights.try_map(|_| Ok::<_, EngineError>(()), |vector| Ok(vector.clone()))?;
        let positions = small.weights.positions.as_ref().map(SmallMatrix::values);
        Model::new(gpu, weight_kernels.clone(), &small.config, matrices, &vectors, positions.as_deref())
    };
    let model = gpu.checked(upload).await?;
    let shared = Shared { config: small.config.clone(), gpu: gpu.clone(), kernels: kernels.clone(), model };
    let mut sequence = GpuSequence::new(Arc::new(shared), small.config.context)?;
    self_check::compare(&small, &mut sequence).await
}

/// A matrix that has no file.
pub(super) fn describe_small<'a>(matrix: &SmallMatrix) -> FileMatrix<'a> {
    let SmallMatrix { kind, rows, columns, .. } = *matrix;
    FileMatrix { name: "self-check", kind, rows, columns }
}

/// Why the kernels cannot attend with heads of that width, where they cannot.
pub(super) fn unsupported_heads(width: usize) -> Option<String> {
    (!width.is_multiple_of(4) || width > MAX_HEAD_WIDTH)
        .then(|| format!("heads are {width} wide, not a multiple of 4 up to {MAX_HEAD_WIDTH}"))
}
