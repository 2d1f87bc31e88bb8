//! A sentence encoder on a GPU, and the reranker on top of it.
//!
//! The [`loader`] puts weights into the [`model`] while files arrive. A batch is cut into runs here, each of which is one
//! command buffer: [`inputs`] uploads the tokens, [`forward`] records the blocks, and what is pooled or judged comes
//! back.

mod forward;
mod inputs;
mod kernels;
mod loader;
mod model;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mome_backbone::{EncoderConfig, Pooling};

use super::device::Gpu;
use super::operations::{Columns, Pool};
use super::pool::Pool as Buffers;
use super::recorder::{Readback, Recorder, Segment};
use crate::encoder::{EncoderRunner, batches};
use crate::{EngineError, RerankLogits, TokenPair};
use forward::Activations;
use inputs::Inputs;
pub(super) use kernels::EncoderKernels;
#[cfg(test)]
pub(super) use loader::EncoderDevice;
pub(crate) use loader::GpuEncoderLoader;
use model::{Model, Ranker};

/// Tokens that are run together, unless one text has more: it bounds the activations.
const BATCH_TOKENS: usize = 1024;

/// Runs an encoder on a GPU.
pub(crate) struct GpuEncoder {
    config: EncoderConfig,
    gpu: Gpu,
    kernels: Arc<EncoderKernels>,
    model: Model,
    /// Buffers that no call uses at the moment.
    pools: Mutex<Vec<Buffers>>,
}

impl GpuEncoder {
    fn new(config: EncoderConfig, gpu: Gpu, kernels: Arc<EncoderKernels>, model: Model) -> Self {
        Self { config, gpu, kernels, model, pools: Mutex::default() }
    }

    /// Records what is to be run on a batch, and runs it. Gives what came back, and where in it the results are.
    async fn run(
        &self,
        batch: &[TokenPair<'_>],
        record: impl FnOnce(&mut Pass<'_, '_>) -> Result<Vec<Segment>, EngineError>,
    ) -> Result<(Readback, Vec<Segment>), EngineError> {
        let pools = || self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pool = pools().pop().unwrap_or_default();
        let mut recorder = Recorder::<EncoderKernels>::new(&self.gpu, &self.kernels, &mut pool);
        let inputs = Inputs::upload(&mut recorder, &self.config, batch)?;
        let activations = Activations::new(&mut recorder, &self.model, inputs.tokens)?;
        let mut pass = Pass { recorder, model: &self.model, inputs, activations };
        let segments = record(&mut pass)?;
        let readback = pass.recorder.submit().await?;
        pools().push(pool);
        Ok((readback, segments))
    }

    async fn embed_batch(&self, batch: &[TokenPair<'_>]) -> Result<Vec<Vec<f32>>, EngineError> {
        let width = self.config.block.hidden;
        let (readback, segments) = self
            .run(batch, |pass| {
                pass.encode(|_, _| {});
                let embeddings = pass.recorder.storage("embeddings", batch.len(), width)?;
                let pool = match self.config.pooling {
                    Pooling::Mean => Pool::Mean,
                    Pooling::Cls => Pool::First,
                };
                pass.pool(pool, Columns { buffer: &embeddings, all: width, first: 0 });
                pass.recorder.unit_length(&embeddings, (batch.len(), width));
                Ok(vec![pass.recorder.read(&embeddings, batch.len() * width)])
            })
            .await?;
        let embeddings: Vec<f32> = segments.iter().flat_map(|segment| readback.values(segment)).collect();
        Ok(embeddings.chunks(width).map(<[f32]>::to_vec).collect())
    }

    async fn rerank_batch(
        &self,
        ranker: &Ranker,
        batch: &[TokenPair<'_>],
    ) -> Result<Vec<RerankLogits>, EngineError> {
        let record = |pass: &mut Pass<'_, '_>| {
            let logits = pass.rank(ranker)?;
            Ok(vec![pass.recorder.read(&logits, 3 * batch.len())])
        };
        let (readback, segments) = self.run(batch, record).await?;
        let logits = segments.iter().flat_map(|segment| readback.values::<[f32; 3]>(segment));
        Ok(logits.map(RerankLogits::from).collect())
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl EncoderRunner for GpuEncoder {
    fn device(&self) -> &str {
        &self.gpu.name
    }

    async fn embed(&self, texts: &[TokenPair<'_>]) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut embeddings = Vec::with_capacity(texts.len());
        for batch in batches(texts, BATCH_TOKENS) {
            embeddings.extend(self.embed_batch(batch).await?);
        }
        Ok(embeddings)
    }

    async fn rerank(&self, pairs: &[TokenPair<'_>]) -> Result<Option<Vec<RerankLogits>>, EngineError> {
        let Some(ranker) = &self.model.ranker else { return Ok(None) };
        let mut logits = Vec::with_capacity(pairs.len());
        for batch in batches(pairs, BATCH_TOKENS) {
            logits.extend(self.rerank_batch(ranker, batch).await?);
        }
        Ok(Some(logits))
    }

    async fn states(&self, input: TokenPair<'_>, layers: &[usize]) -> Result<Vec<Vec<f32>>, EngineError> {
        let count = input.tokens.len() * self.config.block.hidden;
        let record = |pass: &mut Pass<'_, '_>| {
            let mut segments: Vec<Option<Segment>> = layers.iter().map(|_| None).collect();
            pass.encode(|pass, layer| {
                for (_, segment) in layers.iter().zip(&mut segments).filter(|(wanted, _)| **wanted == layer) {
                    *segment = Some(pass.recorder.read(&pass.activations.states, count));
                }
            });
            Ok(segments.into_iter().flatten().collect())
        };
        let (readback, segments) = self.run(&[input], record).await?;
        Ok(segments.iter().map(|segment| readback.values(segment)).collect())
    }
}

/// One run of a batch, as it is recorded.
struct Pass<'a, 'p> {
    recorder: Recorder<'p, EncoderKernels>,
    model: &'a Model,
    inputs: Inputs,
    activations: Activations,
}
