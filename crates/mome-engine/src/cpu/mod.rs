//! Runs models on the CPU: where there is no GPU, and as the oracle that the kernels are tested against.
//!
//! [`loader`] packs the weights while the file arrives. A pass flows through the files in this order: [`sequence`] checks
//! it ([`crate::check`]), [`model`] runs the blocks ([`norm`], [`linear`] over [`matrix`], [`rope`], [`attention`],
//! [`activation`]), [`head`] predicts with [`memory`] attached. [`simd`] has the instructions of the processor at hand,
//! [`threads`] shares work out. Sentence encoders have their own forward pass, in [`encoder`], of the same parts.
//!
//! Quantised weights are multiplied with activations rounded to 16 bits, everything else is `f32`: results are those of
//! floats within some 1e-4.
//!
//! Every number is summed in an order that depends only on its own token and those before it. The same tokens
//! therefore give the same bits, whether they run in one pass or many, on one thread or several.

mod activation;
mod attention;
mod encoder;
mod head;
mod linear;
mod loader;
mod matrix;
mod memory;
mod model;
mod norm;
mod rope;
mod sequence;
mod simd;
mod threads;

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use mome_backbone::Backbone;

use crate::self_check::{SmallMatrix, SmallModel};
use crate::{EngineError, Executor, Sequence};
pub(crate) use encoder::{CpuEncoder, CpuEncoderLoader};
pub(crate) use loader::CpuLoader;
use matrix::Matrix;
use model::Model;
use sequence::CpuSequence;
use threads::Processor;

/// How a CPU is to run a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuOptions {
    /// How many threads share the arithmetic: as many as there are cores where it is not said. A caller that is itself
    /// a thread of a rayon pool runs alone. wasm has one thread.
    pub threads: Option<usize>,
}

impl CpuOptions {
    fn threads(self) -> usize {
        #[cfg(target_arch = "wasm32")]
        return 1;
        #[cfg(not(target_arch = "wasm32"))]
        self.threads.unwrap_or_else(num_cpus::get_physical)
    }
}

/// A backbone on the CPU. Its weights are packed, in their own types.
pub(crate) struct CpuExecutor {
    backbone: Arc<Backbone>,
    model: Arc<Model>,
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
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

/// An empty sequence of a model that has no file, on one thread.
pub(crate) fn begin_small(small: &SmallModel) -> impl Sequence + use<> {
    let Ok(weights) = small.weights.try_map::<_, _, Infallible>(pack_small, |vector| Ok(vector.clone()));
    let model = Model::new(small.config.clone(), weights, Processor::new(1));
    CpuSequence::new(Arc::new(model), small.config.context)
}

/// Packs a matrix that has no file.
fn pack_small(matrix: &SmallMatrix) -> Result<Matrix, Infallible> {
    let SmallMatrix { kind, rows, columns, data } = matrix;
    Ok(Matrix::pack(*kind, data, *rows, *columns))
}
