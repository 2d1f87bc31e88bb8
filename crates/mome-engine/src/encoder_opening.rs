//! Putting a sentence encoder, and a reranker on top of it, on a device while their files arrive.

use std::sync::Arc;

use mome_backbone::{Encoder, Reranker, TensorPiece};

use crate::cpu::CpuEncoderLoader;
use crate::gpu::GpuEncoderLoader;
use crate::incoming_file::{Arrived, IncomingFile};
use crate::{DeviceChoice, EncoderExecutor, EngineError, OpenOptions};

/// An encoder on a device.
pub struct OpenedEncoder {
    /// Runs the encoder, and the reranker where there is one.
    pub executor: Arc<dyn EncoderExecutor>,
    /// Where `auto` did not take a GPU, the reason.
    pub device_note: Option<String>,
}

impl std::fmt::Debug for OpenedEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedEncoder on {}", self.executor.device())
    }
}

/// Puts an encoder, and a reranker where one is given, on a device; their files are wholly at hand.
///
/// # Errors
/// As [`EncoderOpening`] and [`RerankerOpening`].
pub async fn open_encoder(
    encoder: &[u8],
    reranker: Option<&[u8]>,
    options: impl Into<OpenOptions>,
) -> Result<OpenedEncoder, EngineError> {
    let mut opening = EncoderOpening::new(encoder.len() as u64, options.into());
    opening.push(encoder).await?;
    let Some(reranker) = reranker else { return opening.finish().await };
    let mut opening = opening.begin_reranker(reranker.len() as u64)?;
    opening.push(reranker).await?;
    opening.finish().await
}

/// An encoder on its way to a device: its file is pushed piece by piece, and no piece is needed after it was pushed. The
/// device is chosen and made ready as soon as the head of the file is there.
pub struct EncoderOpening {
    options: OpenOptions,
    file: IncomingFile<Weights>,
}

/// A reranker on its way to the device of its encoder, pushed like that.
pub struct RerankerOpening {
    encoder: Weights,
    file: IncomingFile<Arc<Reranker>>,
}

/// A device that takes weights.
struct Weights {
    encoder: Arc<Encoder>,
    loader: Loader,
    device_note: Option<String>,
}

enum Loader {
    Cpu(Box<CpuEncoderLoader>),
    Gpu(Box<GpuEncoderLoader>),
}

impl EncoderOpening {
    /// Begins with a file of `file` bytes.
    #[must_use]
    pub fn new(file: u64, options: OpenOptions) -> Self {
        Self { options, file: IncomingFile::new(file) }
    }

    /// Takes the next bytes of the file. Pieces may have any length; a few MiB are best.
    ///
    /// # Errors
    /// [`EngineError::Encoder`] where the file cannot be used, [`EngineError::NoGpu`] where a GPU was demanded and
    /// there is none, and what the device reports.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        match self.file.take(bytes, Encoder::read_head)? {
            Arrived::Nothing => Ok(()),
            Arrived::Head(encoder, so_far) => {
                let mut weights = Weights::open(Arc::new(encoder), self.options).await?;
                weights.take(0, &so_far)?;
                self.file.open(weights);
                Ok(())
            }
            Arrived::Data(weights, offset) => weights.take(offset, bytes),
        }
    }

    /// The encoder, once the head of its file was read.
    #[must_use]
    pub fn encoder(&self) -> Option<&Arc<Encoder>> {
        self.file.taker().map(|weights| &weights.encoder)
    }

    /// Goes on with a reranker's file, of `file` bytes, now that all bytes of the encoder's were pushed.
    ///
    /// # Errors
    /// [`EngineError::Length`] where the encoder's file is not complete.
    pub fn begin_reranker(self, file: u64) -> Result<RerankerOpening, EngineError> {
        Ok(RerankerOpening { encoder: self.complete()?, file: IncomingFile::new(file) })
    }

    /// Makes the device ready to run, without a reranker, now that all bytes were pushed.
    ///
    /// # Errors
    /// [`EngineError::Length`] where the file is not complete, and what the device reports.
    pub async fn finish(self) -> Result<OpenedEncoder, EngineError> {
        self.complete()?.finish().await
    }

    fn complete(self) -> Result<Weights, EngineError> {
        let (weights, digest) = self.file.finish()?;
        weights.encoder.file().identify(digest);
        Ok(weights)
    }
}

impl RerankerOpening {
    /// Takes the next bytes of the file. Pieces may have any length; a few MiB are best.
    ///
    /// # Errors
    /// [`EngineError::Reranker`] where the file cannot be used, or belongs to another encoder, [`EngineError::NoGpu`]
    /// where the encoder's GPU computes wrongly with the reranker's types of weights, and what the device reports.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        match self.file.take(bytes, Reranker::read_head)? {
            Arrived::Nothing => Ok(()),
            Arrived::Head(reranker, so_far) => {
                reranker.check_encoder(&self.encoder.encoder)?;
                let reranker = Arc::new(reranker);
                self.encoder.begin_reranker(&reranker).await?;
                self.encoder.take_of_reranker(&reranker, 0, &so_far)?;
                self.file.open(reranker);
                Ok(())
            }
            Arrived::Data(reranker, offset) => self.encoder.take_of_reranker(reranker, offset, bytes),
        }
    }

    /// Makes the device ready to run, now that all bytes were pushed.
    ///
    /// # Errors
    /// [`EngineError::Length`] where the file is not complete, and what the device reports.
    pub async fn finish(self) -> Result<OpenedEncoder, EngineError> {
        let (reranker, digest) = self.file.finish()?;
        reranker.file().identify(digest);
        self.encoder.finish().await
    }
}

impl Weights {
    async fn open(encoder: Arc<Encoder>, options: OpenOptions) -> Result<Self, EngineError> {
        let on_cpu = |encoder: Arc<Encoder>, device_note| {
            let loader = Loader::Cpu(Box::new(CpuEncoderLoader::new(encoder.clone(), options.cpu)));
            Ok(Self { encoder, loader, device_note })
        };
        if options.device == DeviceChoice::Cpu {
            return on_cpu(encoder, None);
        }
        let demanded = options.device == DeviceChoice::Gpu;
        match GpuEncoderLoader::new(encoder.clone(), demanded, options).await {
            Ok(loader) => Ok(Self { encoder, loader: Loader::Gpu(Box::new(loader)), device_note: None }),
            Err(EngineError::NoGpu(reason)) if !demanded => on_cpu(encoder, Some(reason)),
            Err(error) => Err(error),
        }
    }

    /// Makes room for the reranker.
    async fn begin_reranker(&mut self, reranker: &Arc<Reranker>) -> Result<(), EngineError> {
        match &mut self.loader {
            Loader::Cpu(loader) => {
                loader.begin_reranker(reranker.clone());
                Ok(())
            }
            Loader::Gpu(loader) => loader.begin_reranker(reranker.clone()).await,
        }
    }

    /// Hands over what of the encoder's tensors is in these bytes of its file.
    fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        let Self { encoder, loader, .. } = self;
        encoder.file().pieces(offset, bytes).try_for_each(|piece| loader.take(piece))
    }

    /// Hands over what of the reranker's tensors is in these bytes of its file.
    fn take_of_reranker(
        &mut self,
        reranker: &Reranker,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), EngineError> {
        reranker.file().pieces(offset, bytes).try_for_each(|piece| self.loader.take(piece))
    }

    async fn finish(self) -> Result<OpenedEncoder, EngineError> {
        let executor: Arc<dyn EncoderExecutor> = match self.loader {
            Loader::Cpu(loader) => Arc::new(loader.finish()?),
            Loader::Gpu(loader) => Arc::new(loader.finish().await?),
        };
        Ok(OpenedEncoder { executor, device_note: self.device_note })
    }
}

impl Loader {
    /// Takes some bytes of a tensor of the file that is being pushed.
    fn take(&mut self, piece: TensorPiece<'_>) -> Result<(), EngineError> {
        match self {
            Self::Cpu(loader) => {
                loader.take(piece);
                Ok(())
            }
            Self::Gpu(loader) => loader.take(piece),
        }
    }
}
