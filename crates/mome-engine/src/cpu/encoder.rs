//! A sentence encoder on the CPU, and the reranker on top of it.
//!
//! A batch flows through the files in this order: this one cuts it into runs, [`model`] runs the blocks over all texts
//! of a run at once, [`head`] pools and ranks. [`loader`] packs the weights before.

mod head;
mod loader;
mod model;

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::pack_small;
use super::threads::Processor;
use crate::encoder::{EncoderRunner, batches};
use crate::self_check::SmallEncoder;
use crate::{EngineError, RerankLogits, TokenPair};
use head::{pool, rank};
pub(crate) use loader::CpuEncoderLoader;
use model::{Model, Ranker, Workspace};

/// Tokens that are run together: more gain nothing, and take room.
const BATCH_TOKENS: usize = 1024;

/// Runs an encoder on the CPU. Its weights are packed, in their own types.
pub(crate) struct CpuEncoder {
    model: Model,
    /// Room that no call uses at the moment.
    rooms: Mutex<Vec<Workspace>>,
}

impl CpuEncoder {
    fn new(model: Model) -> Self {
        Self { model, rooms: Mutex::default() }
    }

    /// A model that has no file, on one thread.
    pub fn small(small: &SmallEncoder) -> Self {
        let Ok(weights) = small.weights.try_map::<_, _, Infallible>(pack_small, |vector| Ok(vector.clone()));
        let block = small.config.block;
        let ranker = small.ranker.as_ref().map(|ranker| {
            let Ok(weights) = ranker.try_map::<_, _, Infallible>(pack_small, |vector| Ok(vector.clone()));
            Ranker { first_layer: small.config.layers, block, weights }
        });
        Self::new(Model::new(small.config.clone(), weights, ranker, Processor::new(1)))
    }

    /// Does `work` with room of its own.
    fn with_room<T>(&self, work: impl FnOnce(&mut Workspace) -> T) -> T {
        let rooms = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = rooms().pop().unwrap_or_default();
        let result = work(&mut room);
        rooms().push(room);
        result
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl EncoderRunner for CpuEncoder {
    fn device(&self) -> &str {
        "cpu"
    }

    async fn embed(&self, texts: &[TokenPair<'_>]) -> Result<Vec<Vec<f32>>, EngineError> {
        Ok(self.with_room(|room| {
            let embed = |batch| {
                self.model.encode(batch, room, |_, _| {});
                pool(&self.model.config, batch, &room.x)
            };
            batches(texts, BATCH_TOKENS).flat_map(embed).collect()
        }))
    }

    async fn rerank(&self, pairs: &[TokenPair<'_>]) -> Result<Option<Vec<RerankLogits>>, EngineError> {
        let Some(ranker) = &self.model.ranker else { return Ok(None) };
        Ok(Some(self.with_room(|room| {
            let rerank = |batch| {
                self.model.compare(ranker, batch, room);
                rank(&self.model, ranker, batch, room)
            };
            batches(pairs, BATCH_TOKENS).flat_map(rerank).collect()
        })))
    }

    async fn states(&self, input: TokenPair<'_>, layers: &[usize]) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut states = vec![Vec::new(); layers.len()];
        self.with_room(|room| {
            self.model.encode(&[input], room, |layer, x| {
                let wanted = layers.iter().zip(&mut states).filter(|(wanted, _)| **wanted == layer);
                wanted.for_each(|(_, state)| state.extend_from_slice(x));
            });
        });
        Ok(states)
    }
}
