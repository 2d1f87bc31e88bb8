//! Runs a backbone on the CPU, in `f32`: where there is no GPU, and as the oracle that the kernels are tested
//! against.
//!
//! [`loader`] collects the weights while the file arrives. A pass flows through the files in this order: [`sequence`]
//! checks it ([`crate::check`]), [`model`] runs the blocks ([`matrix`], [`norm`], [`rope`], [`attention`]), [`head`]
//! predicts with [`memory`] attached. [`simd`] compiles the hot loops for the processor at hand.
//!
//! Every number is summed in an order that depends only on its own token and those before it. The same tokens
//! therefore give the same bits, whether they run in one pass or many, on one thread or several.

mod attention;
mod head;
mod loader;
mod matrix;
mod memory;
mod model;
mod norm;
mod rope;
mod sequence;
mod simd;

use std::sync::Arc;

use mome_backbone::Backbone;

use crate::{EngineError, Executor, Sequence};
pub(crate) use loader::CpuLoader;
use model::Model;
use sequence::CpuSequence;

/// A backbone on the CPU. Its weights stay as they are in the file.
pub(crate) struct CpuExecutor {
    backbone: Arc<Backbone>,
    model: Arc<Model>,
}

impl Executor for CpuExecutor {
    fn backbone(&self) -> &Arc<Backbone> {
        &self.backbone
    }

    fn device(&self) -> &str {
        "cpu"
    }

    fn begin(&self, capacity: usize) -> Result<Box<dyn Sequence>, EngineError> {
        let context = self.backbone.config().context;
        if capacity > context {
            return Err(EngineError::TooLong { tokens: capacity, capacity: context });
        }
        Ok(Box::new(CpuSequence::new(self.model.clone(), capacity)))
    }
}
