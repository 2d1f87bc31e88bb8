//! Runs a backbone on a GPU through wgpu, with the kernels in `shaders/`.
//!
//! From the outside in: a [`GpuExecutor`] holds device, kernels and weights; a [`sequence`] holds the KV cache
//! and records each pass with [`forward`] and [`head`]; they call the [`operations`], which dispatch kernels
//! through the [`recorder`]; and that submits one command buffer to the [`device`].

mod device;
mod forward;
mod head;
mod kernels;
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
use model::Model;
use sequence::GpuSequence;

/// A backbone on a GPU.
pub struct GpuExecutor(Arc<Shared>);

/// What all sequences of an executor share.
struct Shared {
    backbone: Arc<Backbone>,
    gpu: Gpu,
    kernels: Kernels,
    model: Model,
}

impl GpuExecutor {
    /// Opens a GPU, compiles the kernels, and uploads the weights. Adapters that are emulated in software are
    /// refused unless `allow_software` is set.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where there is no adapter to use, [`EngineError::Tensor`] where a tensor is missing
    /// or does not fit, [`EngineError::Gpu`] where the device fails.
    pub async fn new(backbone: Arc<Backbone>, allow_software: bool) -> Result<Self, EngineError> {
        let gpu = Gpu::open(allow_software).await?;
        let (kernels, model) = gpu
            .checked(|| Ok((Kernels::new(&gpu.device, gpu.lanes()), Model::upload(&gpu, &backbone)?)))
            .await?;
        Ok(Self(Arc::new(Shared { backbone, gpu, kernels, model })))
    }
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
