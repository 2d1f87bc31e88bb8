//! Runs models on a GPU through wgpu, with the kernels in `shaders/`.
//!
//! The [`loader`] opens the device and uploads weights while the file arrives, [`incoming`] matrix by
//! matrix, each to its place among the [`matrices`]. From the outside in: a [`GpuExecutor`] holds device, kernels and weights; a [`sequence`] holds the KV cache
//! and records each pass with [`forward`] and [`head`] (which attends to [`memory`]); they call the [`operations`],
//! which dispatch kernels through the [`recorder`]; and that submits one command buffer to the [`device`], with what
//! it has in its [`pool`]. Sentence encoders are in [`encoder`], of the same parts.

mod device;
mod encoder;
mod forward;
mod head;
mod incoming;
mod kernels;
mod loader;
mod matrices;
mod memory;
mod model;
mod multiply;
mod operations;
mod pool;
mod recorder;
mod sequence;
#[cfg(test)]
mod tests;
mod weights;

use std::sync::Arc;

use async_trait::async_trait;
use mome_backbone::{Backbone, Config};

use crate::{EngineError, Executor, Sequence};
use device::Gpu;
pub(crate) use encoder::GpuEncoderLoader;
use kernels::Kernels;
pub(crate) use loader::GpuLoader;
use model::Model;
use sequence::GpuSequence;

/// A backbone on a GPU.
pub(crate) struct GpuExecutor {
    backbone: Arc<Backbone>,
    shared: Arc<Shared>,
}

/// What all sequences of an executor share.
struct Shared {
    config: Config,
    gpu: Gpu,
    kernels: Arc<Kernels>,
    model: Model,
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Executor for GpuExecutor {
    fn backbone(&self) -> &Arc<Backbone> {
        &self.backbone
    }

    fn device(&self) -> &str {
        &self.shared.gpu.name
    }

    fn begin(&self, capacity: usize) -> Result<Box<dyn Sequence>, EngineError> {
        Ok(Box::new(GpuSequence::new(self.shared.clone(), capacity)?))
    }

    async fn multiply_weights(&self, rounds: usize) -> Result<bool, EngineError> {
        multiply::run(&self.shared, rounds).await?;
        Ok(true)
    }
}
