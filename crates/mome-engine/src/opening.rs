//! Putting a backbone on a device while its file arrives.

use std::sync::Arc;

use mome_backbone::{Backbone, TensorPiece};

use crate::cpu::CpuLoader;
use crate::gpu::GpuLoader;
use crate::incoming_file::{Arrived, IncomingFile};
use crate::{DeviceChoice, EngineError, Executor, OpenOptions};

/// A backbone on a device.
pub struct Opened {
    /// Runs the backbone.
    pub executor: Arc<dyn Executor>,
    /// Where `auto` did not take a GPU, the reason.
    pub device_note: Option<String>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened on {}", self.executor.device())
    }
}

/// Puts a backbone on a device whose file is wholly at hand.
///
/// # Errors
/// As [`Opening::push`] and [`Opening::finish`].
pub async fn open(file: &[u8], options: impl Into<OpenOptions>) -> Result<Opened, EngineError> {
    let mut opening = Opening::new(file.len() as u64, options.into());
    opening.push(file).await?;
    opening.finish().await
}

/// A backbone on its way to a device: its file is pushed piece by piece, and no piece is needed after it was pushed.
/// The device is chosen and made ready as soon as the head of the file is there.
pub struct Opening {
    options: OpenOptions,
    file: IncomingFile<Weights>,
}

/// A device that takes weights.
struct Weights {
    backbone: Arc<Backbone>,
    loader: Loader,
    device_note: Option<String>,
}

enum Loader {
    Cpu(Box<CpuLoader>),
    Gpu(Box<GpuLoader>),
}

impl Opening {
    /// Begins with a file of `file` bytes.
    #[must_use]
    pub fn new(file: u64, options: OpenOptions) -> Self {
        Self { options, file: IncomingFile::new(file) }
    }

    /// Takes the next bytes of the file. Pieces may have any length; a few MiB are best.
    ///
    /// # Errors
    /// [`EngineError::Backbone`] where the file cannot be used, [`EngineError::NoGpu`] where a GPU was demanded and
    /// there is none, and what the device reports.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        match self.file.take(bytes, Backbone::read_head)? {
            Arrived::Nothing => Ok(()),
            Arrived::Head(backbone, so_far) => {
                let mut weights = Weights::open(Arc::new(backbone), self.options).await?;
                weights.take(0, &so_far)?;
                self.file.open(weights);
                Ok(())
            }
            Arrived::Data(weights, offset) => weights.take(offset, bytes),
        }
    }

    /// The backbone, once the head of its file was read.
    #[must_use]
    pub fn backbone(&self) -> Option<&Arc<Backbone>> {
        self.file.taker().map(|weights| &weights.backbone)
    }

    /// Makes the device ready to run, now that all bytes were pushed.
    ///
    /// # Errors
    /// [`EngineError::Length`] where the file is not complete, and what the device reports.
    pub async fn finish(self) -> Result<Opened, EngineError> {
        let (Weights { backbone, loader, device_note }, digest) = self.file.finish()?;
        backbone.identify(digest);
        let executor: Arc<dyn Executor> = match loader {
            Loader::Cpu(loader) => Arc::new(loader.finish()?),
            Loader::Gpu(loader) => Arc::new(loader.finish().await?),
        };
        Ok(Opened { executor, device_note })
    }
}

impl Weights {
    async fn open(backbone: Arc<Backbone>, options: OpenOptions) -> Result<Self, EngineError> {
        let on_cpu = |backbone: Arc<Backbone>, device_note| {
            let loader = Loader::Cpu(Box::new(CpuLoader::new(backbone.clone(), options.cpu)));
            Ok(Self { backbone, loader, device_note })
        };
        if options.device == DeviceChoice::Cpu {
            return on_cpu(backbone, None);
        }
        let demanded = options.device == DeviceChoice::Gpu;
        match GpuLoader::new(backbone.clone(), demanded, options).await {
            Ok(loader) => Ok(Self { backbone, loader: Loader::Gpu(Box::new(loader)), device_note: None }),
            Err(EngineError::NoGpu(reason)) if !demanded => on_cpu(backbone, Some(reason)),
            Err(error) => Err(error),
        }
    }

    /// Hands over what of the tensors is in these bytes of the file.
    fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        let Self { backbone, loader, .. } = self;
        backbone.pieces(offset, bytes).try_for_each(|piece: TensorPiece<'_>| match loader {
            Loader::Cpu(loader) => {
                loader.take(piece);
                Ok(())
            }
            Loader::Gpu(loader) => loader.take(piece),
        })
    }
}
