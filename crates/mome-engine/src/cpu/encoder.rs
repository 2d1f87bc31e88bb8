//! A sentence encoder on the CPU, and the reranker on top of it.
//!
//! A batch flows through the files in this order: this one checks it ([`crate::check`]) and cuts it into runs,
//! [`model`] runs the blocks over all texts of a run at once, [`head`] pools and ranks.

mod head;
mod loader;
mod model;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mome_backbone::{Encoder, Reranker};

use crate::check::{check_inputs, check_layers};
use crate::encoder::batches;
use crate::{EncoderExecutor, EngineError, RerankLogits, TokenPair};
use head::{pool, rank};
pub(crate) use loader::CpuEncoderLoader;
use model::{Model, Workspace};

/// Tokens that are run together: more gain nothing, and take room.
const BATCH_TOKENS: usize = 1024;

/// An encoder on the CPU. Its weights are packed, in their own types.
pub(crate) struct CpuEncoder {
    encoder: Arc<Encoder>,
    reranker: Option<Arc<Reranker>>,
    model: Model,
    /// Room that no call uses at the moment.
    rooms: Mutex<Vec<Workspace>>,
}

impl CpuEncoder {
    fn new(encoder: Arc<Encoder>, reranker: Option<Arc<Reranker>>, model: Model) -> Self {
        Self { encoder, reranker, model, rooms: Mutex::default() }
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
impl EncoderExecutor for CpuEncoder {
    fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    fn reranker(&self) -> Option<&Arc<Reranker>> {
        self.reranker.as_ref()
    }

    fn device(&self) -> &str {
        "cpu"
    }

    async fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        let inputs: Vec<TokenPair<'_>> = texts.iter().map(|tokens| TokenPair::single(tokens)).collect();
        check_inputs(self.encoder.config(), &inputs)?;
        Ok(self.with_room(|room| {
            let embed = |batch| {
                self.model.encode(batch, room, |_, _| {});
                pool(self.encoder.config(), batch, &room.x)
            };
            batches(&inputs, BATCH_TOKENS).flat_map(embed).collect()
        }))
    }

    async fn rerank(&self, pairs: &[TokenPair<'_>]) -> Result<Vec<RerankLogits>, EngineError> {
        let ranker = self.model.ranker.as_ref().ok_or(EngineError::NoReranker)?;
        check_inputs(self.encoder.config(), pairs)?;
        Ok(self.with_room(|room| {
            let rerank = |batch| {
                self.model.compare(ranker, batch, room);
                rank(&self.model, ranker, batch, room)
            };
            batches(pairs, BATCH_TOKENS).flat_map(rerank).collect()
        }))
    }

    async fn states(&self, input: TokenPair<'_>, layers: &[usize]) -> Result<Vec<Vec<f32>>, EngineError> {
        let config = self.encoder.config();
        check_inputs(config, &[input])?;
        check_layers(config.layers, layers)?;
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
