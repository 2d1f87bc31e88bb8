//! Tokens that the CPU has run, with their KV cache.

use std::sync::Arc;

use async_trait::async_trait;

use super::attention::KvCache;
use super::head::predict;
use super::model::{Model, Workspace};
use crate::check::{Progress, check_decode, check_pass};
use crate::{EngineError, Head, Memory, Output, Pass, Prediction, Sequence};

/// Tokens that were run, with what later ones need of them.
pub(crate) struct CpuSequence {
    model: Arc<Model>,
    capacity: usize,
    len: usize,
    /// One for each block.
    caches: Vec<KvCache>,
    /// `[d]`: what the last block left at the last position; empty where that is not known.
    last: Vec<f32>,
    room: Workspace,
}

impl CpuSequence {
    pub(super) fn new(model: Arc<Model>, capacity: usize) -> Self {
        let config = &model.config;
        let caches = (0..config.layers).map(|_| KvCache::new(config.kv_heads, config.head_width)).collect();
        Self { model, capacity, len: 0, caches, last: Vec::new(), room: Workspace::default() }
    }

    fn progress(&self) -> Progress {
        Progress { len: self.len, capacity: self.capacity, last: !self.last.is_empty() }
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Sequence for CpuSequence {
    fn len(&self) -> usize {
        self.len
    }

    async fn run(&mut self, pass: Pass<'_>) -> Result<Output, EngineError> {
        let config = &self.model.config;
        check_pass(config, &pass, self.progress())?;
        let mut output = Output { states: vec![Vec::new(); pass.states.len()], ..Output::default() };
        let observe = |layer: usize, x: &[f32]| {
            let wanted = pass.states.iter().zip(&mut output.states).filter(|(wanted, _)| **wanted == layer);
            wanted.for_each(|(_, state)| state.extend_from_slice(x));
        };
        self.model.run(pass.tokens, self.len, &mut self.caches, &mut self.room, observe);
        self.len += pass.tokens.len();

        let mut residual = std::mem::take(&mut self.last);
        residual.extend_from_slice(&self.room.x);
        self.last = residual[residual.len().saturating_sub(config.hidden)..].to_vec();
        if let Some(head) = &pass.head {
            let rows = residual.len() - head.rows * config.hidden..;
            predict(&self.model, head, &residual[rows], &mut self.room, &mut output);
        }
        Ok(output)
    }

    async fn decode(
        &mut self,
        count: usize,
        memory: Option<&Memory>,
    ) -> Result<Vec<Prediction>, EngineError> {
        check_decode(&self.model.config, count, memory, self.progress())?;
        let mut memory = memory.cloned();
        let mut predictions = Vec::new();
        for _ in 0..count {
            let head = Head { rows: 1, memory: memory.as_ref(), ..Head::default() };
            predictions.extend(self.run(Pass { head: Some(head), ..Pass::default() }).await?.predictions);
            let last: Option<&Prediction> = predictions.last();
            let token = last.map(|prediction| prediction.token);
            if let (Some(memory), Some(slot)) = (&mut memory, last.and_then(|prediction| prediction.slot)) {
                memory.used(slot);
            }
            self.run(Pass { tokens: token.as_slice(), ..Pass::default() }).await?;
        }
        Ok(predictions)
    }

    fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.len = len;
            self.last.clear();
            self.caches.iter_mut().for_each(|cache| cache.truncate(len));
        }
    }
}
