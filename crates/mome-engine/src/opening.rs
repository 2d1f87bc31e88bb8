//! Putting a backbone on a device while its file arrives.

use std::str::FromStr;
use std::sync::Arc;

use mome_backbone::{Backbone, TensorPiece};
use sha2::{Digest, Sha256};

use crate::cpu::{CpuLoader, CpuOptions};
use crate::gpu::GpuLoader;
use crate::{EngineError, Executor};

/// The longest head that a file may have: vocabularies of a quarter of a million tokens take some 15 MiB.
const MAX_HEAD: usize = 64 << 20;

/// Which device is to run the backbone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A hardware GPU where there is one, else the CPU: a GPU that is emulated in software is slower.
    #[default]
    Auto,
    /// Any GPU that wgpu offers, emulated ones too; an error where there is none.
    Gpu,
    /// The CPU.
    Cpu,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "gpu" => Ok(Self::Gpu),
            "cpu" => Ok(Self::Cpu),
            other => Err(format!("device `{other}` is not known: use auto, gpu or cpu")),
        }
    }
}

/// How a backbone is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Which device runs it.
    pub device: DeviceChoice,
    /// How the CPU runs it, where it does.
    pub cpu: CpuOptions,
    /// Whether a GPU has to compute a small model as the CPU does before it is used: some drivers compute wrongly.
    pub self_check: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { device: DeviceChoice::default(), cpu: CpuOptions::default(), self_check: true }
    }
}

impl From<DeviceChoice> for OpenOptions {
    fn from(device: DeviceChoice) -> Self {
        Self { device, ..Self::default() }
    }
}

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
    file: u64,
    options: OpenOptions,
    /// Bytes pushed so far.
    read: u64,
    hash: Sha256,
    state: State,
}

enum State {
    /// The head is not complete: all bytes so far, and how many there must be before another look is worth while.
    Head {
        bytes: Vec<u8>,
        enough: usize,
    },
    Weights(Box<Weights>),
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
        let state = State::Head { bytes: Vec::new(), enough: 0 };
        Self { file, options, read: 0, hash: Sha256::new(), state }
    }

    /// Takes the next bytes of the file. Pieces may have any length; a few MiB are best.
    ///
    /// # Errors
    /// [`EngineError::Backbone`] where the file cannot be used, [`EngineError::NoGpu`] where a GPU was demanded and
    /// there is none, and what the device reports.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let offset = self.read;
        self.read += bytes.len() as u64;
        if self.read > self.file {
            return Err(EngineError::Length { expected: self.file, found: self.read });
        }
        self.hash.update(bytes);
        match &mut self.state {
            State::Weights(weights) => weights.take(offset, bytes),
            State::Head { bytes: begun, enough } => {
                let first = begun.is_empty();
                if !first {
                    begun.extend_from_slice(bytes);
                }
                // The first piece may be the whole file, so it is copied only where more must come.
                let head = if first { bytes } else { &**begun };
                if head.len() >= *enough || self.read == self.file {
                    if let Some(backbone) = Backbone::read_head(head, self.file)? {
                        let mut weights = Weights::open(Arc::new(backbone), self.options).await?;
                        weights.take(0, head)?;
                        self.state = State::Weights(Box::new(weights));
                        return Ok(());
                    }
                    if head.len() > MAX_HEAD {
                        return Err(EngineError::Head(MAX_HEAD));
                    }
                    *enough = 2 * head.len();
                }
                if first {
                    begun.extend_from_slice(bytes);
                }
                Ok(())
            }
        }
    }

    /// The backbone, once the head of its file was read.
    #[must_use]
    pub fn backbone(&self) -> Option<&Arc<Backbone>> {
        match &self.state {
            State::Head { .. } => None,
            State::Weights(weights) => Some(&weights.backbone),
        }
    }

    /// Makes the device ready to run, now that all bytes were pushed.
    ///
    /// # Errors
    /// [`EngineError::Length`] where the file is not complete, and what the device reports.
    pub async fn finish(self) -> Result<Opened, EngineError> {
        let incomplete = EngineError::Length { expected: self.file, found: self.read };
        match self.state {
            State::Weights(weights) if self.read == self.file => {
                let Weights { backbone, loader, device_note } = *weights;
                backbone.identify(self.hash.finalize().into());
                let executor: Arc<dyn Executor> = match loader {
                    Loader::Cpu(loader) => Arc::new(loader.finish()?),
                    Loader::Gpu(loader) => Arc::new(loader.finish().await?),
                };
                Ok(Opened { executor, device_note })
            }
            _ => Err(incomplete),
        }
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
