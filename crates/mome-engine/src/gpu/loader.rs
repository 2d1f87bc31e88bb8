//! Puts a backbone's weights on the device while its file arrives.

use std::collections::HashMap;
use std::sync::Arc;

use mome_backbone::{Backbone, MatrixSource, TensorPiece, VectorSource};

use super::device::Gpu;
use super::incoming::IncomingMatrix;
use super::kernels::{Features, Kernels, WeightKernelSet};
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
    /// The matrices that are on their way, by the tensor that they are in.
    incoming: HashMap<usize, Vec<IncomingMatrix>>,
    /// The data of tensors that are needed as floats, as far as they have come: vectors, and learned positions.
    floats: HashMap<usize, Vec<u8>>,
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
        let uses_features = gpu.variant().features != Features::default();
        let mut loader = Self::on(gpu, backbone.clone(), options).await;
        if loader.is_err() && uses_features {
            // Optional features are where drivers differ most: the plain kernels may still do.
            loader = Self::on(Gpu::open_plain(allow_software).await?, backbone, options).await;
        }
        loader.map_err(|error| match error {
            EngineError::Gpu(problem) => EngineError::NoGpu(format!("{name} failed: {problem}")),
            EngineError::NoGpu(problem) => EngineError::NoGpu(format!("{name} {problem}")),
            other => other,
        })
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
        let mut incoming = HashMap::<_, Vec<_>>::new();
        let allocate = || {
            let describe = |source: &MatrixSource| {
                let info = &backbone.tensors()[source.tensor];
                let (rows, columns) = (source.rows.len(), source.columns);
                FileMatrix { name: &info.name, kind: info.kind, rows, columns }
            };
            let mut place = |source: &MatrixSource, destination| {
                let matrix = IncomingMatrix::new(source.rows.clone(), destination);
                incoming.entry(source.tensor).or_default().push(matrix);
            };
            let matrices = Matrices::allocate(&gpu, &weight_kernels, transformer, describe, &mut place)?;
            matrices.compile(backbone.config().activation);
            Ok(matrices)
        };
        let matrices = gpu.checked(allocate).await?;
        let mut floats: HashMap<_, _> =
            transformer.positions.iter().map(|source| (source.tensor, Vec::new())).collect();
        transformer.try_map(
            |_| Ok::<_, EngineError>(()),
            |source| {
                floats.entry(source.tensor).or_default();
                Ok(())
            },
        )?;
        Ok(Self { backbone, gpu, kernels, weight_kernels, matrices, incoming, floats })
    }

    /// Takes some bytes of a tensor, which follow those that came before.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn take(&mut self, piece: TensorPiece<'_>) -> Result<(), EngineError> {
        if let Some(floats) = self.floats.get_mut(&piece.tensor) {
            floats.extend_from_slice(piece.bytes);
        }
        let incoming = self.incoming.get_mut(&piece.tensor).into_iter().flatten();
        incoming.into_iter().try_for_each(|matrix| matrix.take(&self.gpu, piece.offset, piece.bytes))
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come, [`EngineError::Gpu`] where the device failed.
    pub async fn finish(self) -> Result<GpuExecutor, EngineError> {
        let missing = |tensor: usize| EngineError::Tensor {
            name: self.backbone.tensors()[tensor].name.clone(),
            problem: "its data have not come".to_owned(),
        };
        for (tensor, matrices) in &self.incoming {
            if !matrices.iter().all(IncomingMatrix::is_complete) {
                return Err(missing(*tensor));
            }
        }
        let transformer = self.backbone.transformer();
        let vectors = transformer.try_map(
            |_| Ok(()),
            |VectorSource { tensor, elements }| {
                self.floats(*tensor, elements.start, elements.len()).ok_or_else(|| missing(*tensor))
            },
        )?;
        let positions = transformer.positions.as_ref().map(|MatrixSource { tensor, rows, columns }| {
            let floats = self.floats(*tensor, rows.start * columns, rows.len() * columns);
            floats.ok_or_else(|| missing(*tensor))
        });
        let positions = positions.transpose()?;

        let Self { backbone, gpu, kernels, weight_kernels, matrices, .. } = self;
        let config = backbone.config().clone();
        let finish = || Model::new(&gpu, weight_kernels, &config, matrices, &vectors, positions.as_deref());
        let model = gpu.checked(finish).await?;
        Ok(GpuExecutor { backbone, shared: Arc::new(Shared { config, gpu, kernels, model }) })
    }

    /// Some elements of a tensor, where they have come.
    fn floats(&self, tensor: usize, first: usize, count: usize) -> Option<Vec<f32>> {
        let kind = self.backbone.tensors()[tensor].kind;
        let bytes = kind.row_bytes(first)..kind.row_bytes(first) + kind.row_bytes(count);
        let data = self.floats.get(&tensor)?.get(bytes)?;
        let mut values = vec![0.0; count];
        kind.dequantize(data, &mut values);
        Some(values)
    }
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
        let describe = |matrix: &SmallMatrix| {
            let SmallMatrix { kind, rows, columns, .. } = *matrix;
            FileMatrix { name: "self-check", kind, rows, columns }
        };
        let mut written = Ok(());
        let mut write = |matrix: &SmallMatrix, destination: Destination| {
            if written.is_ok() {
                written = destination.write(gpu, 0, &matrix.data);
            }
        };
        let matrices = Matrices::allocate(gpu, weight_kernels, &small.weights, describe, &mut write)?;
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

/// Why the kernels cannot run a backbone, where they cannot.
fn unsupported(backbone: &Backbone) -> Option<String> {
    let width = backbone.config().head_width;
    (!width.is_multiple_of(4) || width > MAX_HEAD_WIDTH)
        .then(|| format!("heads are {width} wide, not a multiple of 4 up to {MAX_HEAD_WIDTH}"))
}
