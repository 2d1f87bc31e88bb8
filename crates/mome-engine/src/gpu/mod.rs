//! Runs a backbone on a GPU through wgpu, with the kernels in `shaders/`.
//!
//! The [`loader`] opens the device and uploads weights while the file arrives. From the outside in: a
//! [`GpuExecutor`] holds device, kernels and weights; a [`sequence`] holds the KV cache
//! and records each pass with [`forward`] and [`head`]; they call the [`operations`], which dispatch kernels
//! through the [`recorder`]; and that submits one command buffer to the [`device`].

mod device;
mod forward;
mod head;
mod kernels;
mod loader;
mod model;
mod operations;
mod recorder;
mod sequence;
#[cfg(test)]
mod tests;
mod weights;

use std::sync::Arc;

use mome_backbone::Backbone;

use crate::{EngineError, Executor, Sequence};
use device::Gpu;
use kernels::Kernels;
pub(crate) use loader::GpuLoader;
use model::Model;
use sequence::GpuSequence;

/// A backbone on a GPU.
pub(crate) struct GpuExecutor(Arc<Shared>);

/// What all sequences of an executor share.
struct Shared {
    backbone: Arc<Backbone>,
    gpu: Gpu,
    kernels: Kernels,
    model: Model,
}

impl Executor for GpuExecutor {
    fn backbone(&self) -> &Arc<Backbone> {
        &self.0.backbone
    }

    fn device(&self) -> &str {
        &self.0.gpu.name
    }

    fn begin(&self, capacity: usize) -> Result<Box<dyn Sequence>, EngineError> {
        Ok(Box::new(GpuSequence::new(self.0.clone(), capacity)?))
    }
}
