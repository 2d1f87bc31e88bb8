//! Puts the weights of an encoder, and of a reranker, on the device while their files arrive.

use std::sync::Arc;

use mome_backbone::{Encoder, EncoderWeights, Reranker, TensorPiece};

use super::model::{EncoderMatrices, Model, Ranker, RankerMatrices, Tables};
use super::{EncoderKernels, GpuEncoder};
use crate::encoder::EncoderOnDevice;
use crate::gpu::device::Gpu;
use crate::gpu::incoming::IncomingWeights;
use crate::gpu::kernels::WeightKernelSet;
use crate::gpu::loader::{describe, describe_small, unsupported_heads};
use crate::gpu::weights::Destination;
use crate::self_check::{SmallEncoder, SmallMatrix, compare_encoders};
use crate::{EngineError, OpenOptions};

/// A device that takes the weights of an encoder, and then of a reranker.
pub(crate) struct GpuEncoderLoader {
    device: EncoderDevice,
    self_check: bool,
    encoder: Arc<Encoder>,
    matrices: EncoderMatrices,
    /// Of the vectors, positions and types the data are needed as floats.
    incoming: IncomingWeights,
    reranker: Option<IncomingReranker>,
}

/// A GPU that is ready to run encoders.
pub(in crate::gpu) struct EncoderDevice {
    pub gpu: Gpu,
    pub kernels: Arc<EncoderKernels>,
    pub weight_kernels: WeightKernelSet,
}

struct IncomingReranker {
    reranker: Arc<Reranker>,
    matrices: RankerMatrices,
    incoming: IncomingWeights,
}

impl GpuEncoderLoader {
    /// Opens a GPU, compiles the kernels, checks them where `options` say so, and makes room for the weights. Adapters
    /// that are emulated in software are refused unless `allow_software` is set.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where there is no adapter to use, or it cannot run the encoder, or computes wrongly.
    pub async fn new(
        encoder: Arc<Encoder>,
        allow_software: bool,
        options: OpenOptions,
    ) -> Result<Self, EngineError> {
        let shape = encoder.config().block;
        if let Some(problem) = unsupported_heads(shape.head_width()) {
            return Err(EngineError::NoGpu(problem));
        }
        Gpu::open_ready(allow_software, |gpu| Self::on(gpu, encoder.clone(), options)).await
    }

    /// Makes an opened GPU ready: see [`Self::new`].
    ///
    /// # Errors
    /// As [`Self::new`], and what the device reports.
    pub(in crate::gpu) async fn on(
        gpu: Gpu,
        encoder: Arc<Encoder>,
        options: OpenOptions,
    ) -> Result<Self, EngineError> {
        let compile = || Ok(Arc::new(EncoderKernels::new(&gpu.device, gpu.variant())));
        let kernels = gpu.checked(compile).await?;
        let weight_kernels = WeightKernelSet::new(&gpu.device, gpu.variant());
        let device = EncoderDevice { gpu, kernels, weight_kernels };
        if options.self_check {
            device.check(&encoder, None).await?;
        }

        let (file, weights) = (encoder.file(), encoder.weights());
        let mut incoming = IncomingWeights::default();
        let allocate = || {
            let mut place = |source: &_, destination| incoming.place(source, destination);
            let describe = |source: &_| describe(file, source);
            EncoderMatrices::allocate(&device.gpu, &device.weight_kernels, weights, describe, &mut place)
        };
        let matrices = device.gpu.checked(allocate).await?;
        let EncoderWeights { embedding, .. } = weights;
        let tables = [Some(&embedding.positions), embedding.types.as_ref()];
        tables.into_iter().flatten().for_each(|source| incoming.want_floats(source.tensor));
        weights.try_map(
            |_| Ok::<_, EngineError>(()),
            |source| {
                incoming.want_floats(source.tensor);
                Ok(())
            },
        )?;
        Ok(Self { device, self_check: options.self_check, encoder, matrices, incoming, reranker: None })
    }

    /// Makes room for the weights of a reranker, all of the encoder's having come.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where the device computes wrongly with the reranker's types of weights, and what the
    /// device reports.
    pub async fn begin_reranker(&mut self, reranker: Arc<Reranker>) -> Result<(), EngineError> {
        let device = &self.device;
        if self.self_check {
            device.check(&self.encoder, Some(&reranker)).await?;
        }
        let (file, weights) = (reranker.file(), reranker.weights());
        let mut incoming = IncomingWeights::default();
        let allocate = || {
            let mut place = |source: &_, destination| incoming.place(source, destination);
            let describe = |source: &_| describe(file, source);
            RankerMatrices::allocate(&device.gpu, &device.weight_kernels, weights, describe, &mut place)
        };
        let matrices = device.gpu.checked(allocate).await?;
        weights.try_map(
            |_| Ok::<_, EngineError>(()),
            |source| {
                incoming.want_floats(source.tensor);
                Ok(())
            },
        )?;
        self.reranker = Some(IncomingReranker { reranker, matrices, incoming });
        Ok(())
    }

    /// Takes some bytes of a tensor of the encoder, or of the reranker once that has begun. They follow those that came
    /// before.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed.
    pub fn take(&mut self, piece: TensorPiece<'_>) -> Result<(), EngineError> {
        let gpu = &self.device.gpu;
        match &mut self.reranker {
            None => self.incoming.take(gpu, piece),
            Some(reranker) => reranker.incoming.take(gpu, piece),
        }
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come, [`EngineError::Gpu`] where the device failed.
    pub async fn finish(self) -> Result<EncoderOnDevice<GpuEncoder>, EngineError> {
        let Self {
            device: EncoderDevice { gpu, kernels, .. }, encoder, matrices, incoming, reranker, ..
        } = self;
        let (file, config, weights) = (encoder.file(), encoder.config().clone(), encoder.weights());
        incoming.check_matrices(file)?;
        let vectors = weights.try_map(|_| Ok(()), |source| incoming.vector(file, source))?;
        let types = weights.embedding.types.as_ref().map(|source| incoming.table(file, source));
        let tables = Tables {
            positions: incoming.table(file, &weights.embedding.positions)?,
            types: types.transpose()?,
        };
        let finish = || {
            let mut model = Model::new(&gpu, &config, matrices, &vectors, &tables)?;
            let Some(IncomingReranker { reranker, matrices, incoming }) = reranker else {
                return Ok((model, None));
            };
            let (file, upper) = (reranker.file(), reranker.config());
            incoming.check_matrices(file)?;
            let vectors = reranker.weights().try_map(|_| Ok(()), |source| incoming.vector(file, source))?;
            model.ranker = Some(Ranker::new(&gpu, (upper.block, upper.first_layer), matrices, &vectors)?);
            Ok((model, Some(reranker)))
        };
        let (model, reranker) = gpu.checked(finish).await?;
        let runner = GpuEncoder::new(config, gpu, kernels, model);
        Ok(EncoderOnDevice { encoder, reranker, runner })
    }
}

impl EncoderDevice {
    /// Runs a small encoder, of the making of a given one, on these kernels and on the CPU. This also makes the driver
    /// ready for the batches to come.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where they differ, and what the device reports.
    pub async fn check(&self, encoder: &Encoder, reranker: Option<&Reranker>) -> Result<(), EngineError> {
        let small = SmallEncoder::like(encoder, reranker);
        let model = self.gpu.checked(|| self.small_model(&small)).await?;
        let runner = GpuEncoder::new(small.config.clone(), self.gpu.clone(), self.kernels.clone(), model);
        compare_encoders(&small, &runner).await
    }

    /// A model that has no file.
    fn small_model(&self, small: &SmallEncoder) -> Result<Model, EngineError> {
        let Self { gpu, weight_kernels, .. } = self;
        let mut written = Ok(());
        let mut write = |matrix: &SmallMatrix, destination: Destination| {
            if written.is_ok() {
                written = destination.write(gpu, 0, &matrix.data);
            }
        };
        let weights = &small.weights;
        let matrices = EncoderMatrices::allocate(gpu, weight_kernels, weights, describe_small, &mut write)?;
        let ranker = small.ranker.as_ref().map(|ranker| {
            let matrices = RankerMatrices::allocate(gpu, weight_kernels, ranker, describe_small, &mut write)?;
            Ok::<_, EngineError>((ranker, matrices))
        });
        let ranker = ranker.transpose()?;
        written?;
        let vector = |vector: &Vec<f32>| Ok::<_, EngineError>(vector.clone());
        let tables = Tables {
            positions: weights.embedding.positions.values(),
            types: weights.embedding.types.as_ref().map(SmallMatrix::values),
        };
        let vectors = weights.try_map(|_| Ok(()), vector)?;
        let mut model = Model::new(gpu, &small.config, matrices, &vectors, &tables)?;
        if let Some((ranker, matrices)) = ranker {
            let shape = (small.config.block, small.config.layers);
            model.ranker = Some(Ranker::new(gpu, shape, matrices, &ranker.try_map(|_| Ok(()), vector)?)?);
        }
        Ok(model)
    }
}
