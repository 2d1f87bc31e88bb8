//! What every executor of a sentence encoder can do, and the reranker on top of it.

use std::sync::Arc;

use async_trait::async_trait;
use mome_backbone::{Encoder, Reranker};
use mome_pack::MaybeSendSync;

use crate::check::{check_inputs, check_layers};
use crate::{EngineError, TokenPair};

/// An encoder on a device, ready to read, and perhaps a reranker that shares its lower layers.
///
/// Tokens come as the tokenizer gives them, those that begin and end a text (`[CLS]`, `[SEP]`) included. A batch may
/// hold texts of any number and lengths; a text's numbers do not depend on what else is in its batch.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait EncoderExecutor: MaybeSendSync {
    /// The encoder that this executor runs.
    fn encoder(&self) -> &Arc<Encoder>;

    /// The reranker, where there is one.
    fn reranker(&self) -> Option<&Arc<Reranker>>;

    /// The device in words, for people: `cpu`, or `gpu: ` and the adapter's name.
    fn device(&self) -> &str;

    /// The embedding of each text: its pooled state `[d]` (the mean over all tokens or the state of the first, as the
    /// encoder's file says), scaled to length one.
    ///
    /// # Errors
    /// [`EngineError::Empty`] where a text has no tokens, [`EngineError::TooLong`] where one has more than the
    /// encoder's context, [`EngineError::Token`] where a token is not in the vocabulary, and what the device reports.
    async fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError>;

    /// What the reranker says of each pair.
    ///
    /// # Errors
    /// [`EngineError::NoReranker`] where there is none, and as [`EncoderExecutor::embed`].
    async fn rerank(&self, pairs: &[TokenPair<'_>]) -> Result<Vec<RerankLogits>, EngineError>;

    /// The states of one input after each of these layers of the encoder, `[tokens, d]` row by row: 0 is the
    /// embedding, `l` what block `l` (counted from 1) leaves. For tests and training.
    ///
    /// # Errors
    /// [`EngineError::Layer`] where there is no such layer, and as [`EncoderExecutor::embed`].
    async fn states(&self, input: TokenPair<'_>, layers: &[usize]) -> Result<Vec<Vec<f32>>, EngineError>;
}

/// What the reranker says of a question and a stored wording: logits of three classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RerankLogits {
    /// Both ask the same.
    pub same: f32,
    /// They are near, but one thing makes them different questions.
    pub changed: f32,
    /// They ask for different things.
    pub other: f32,
}

impl RerankLogits {
    /// The log odds of `same`: `same - ln(exp(changed) + exp(other))`.
    #[must_use]
    pub fn score(&self) -> f32 {
        let largest = self.changed.max(self.other);
        let sum = (self.changed - largest).exp() + (self.other - largest).exp();
        self.same - largest - sum.ln()
    }
}

impl From<[f32; 3]> for RerankLogits {
    /// In the order of the head's rows.
    fn from([same, changed, other]: [f32; 3]) -> Self {
        Self { same, changed, other }
    }
}

/// What an [`EncoderExecutor`] does on one device, with inputs that were checked.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub(crate) trait EncoderRunner: MaybeSendSync {
    fn device(&self) -> &str;

    async fn embed(&self, texts: &[TokenPair<'_>]) -> Result<Vec<Vec<f32>>, EngineError>;

    /// `None` where there is no reranker.
    async fn rerank(&self, pairs: &[TokenPair<'_>]) -> Result<Option<Vec<RerankLogits>>, EngineError>;

    async fn states(&self, input: TokenPair<'_>, layers: &[usize]) -> Result<Vec<Vec<f32>>, EngineError>;
}

/// The models of an executor, and what runs them.
pub(crate) struct EncoderOnDevice<R> {
    pub encoder: Arc<Encoder>,
    pub reranker: Option<Arc<Reranker>>,
    pub runner: R,
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl<R: EncoderRunner> EncoderExecutor for EncoderOnDevice<R> {
    fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    fn reranker(&self) -> Option<&Arc<Reranker>> {
        self.reranker.as_ref()
    }

    fn device(&self) -> &str {
        self.runner.device()
    }

    async fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        let texts: Vec<TokenPair<'_>> = texts.iter().map(|tokens| TokenPair::single(tokens)).collect();
        check_inputs(self.encoder.config(), &texts)?;
        self.runner.embed(&texts).await
    }

    async fn rerank(&self, pairs: &[TokenPair<'_>]) -> Result<Vec<RerankLogits>, EngineError> {
        check_inputs(self.encoder.config(), pairs)?;
        self.runner.rerank(pairs).await?.ok_or(EngineError::NoReranker)
    }

    async fn states(&self, input: TokenPair<'_>, layers: &[usize]) -> Result<Vec<Vec<f32>>, EngineError> {
        check_inputs(self.encoder.config(), &[input])?;
        check_layers(self.encoder.config().layers, layers)?;
        self.runner.states(input, layers).await
    }
}

/// Cuts inputs into runs of at most `most` tokens, or of one input where that alone has more.
pub(crate) fn batches<'a, 'b>(
    inputs: &'a [TokenPair<'b>],
    most: usize,
) -> impl Iterator<Item = &'a [TokenPair<'b>]> {
    let mut rest = inputs;
    std::iter::from_fn(move || {
        let mut tokens = 0;
        let fits = |input: &&TokenPair<'_>| {
            tokens += input.tokens.len();
            tokens <= most
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (batch, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_as_large_as_may_be() {
        let tokens = [0; 9];
        let inputs = [3, 4, 2, 9, 1].map(|length| TokenPair::single(&tokens[..length]));
        let lengths: Vec<usize> = batches(&inputs, 7).map(<[_]>::len).collect();
        assert_eq!(lengths, [2, 1, 1, 1]);
        assert_eq!(batches(&[], 7).count(), 0);
    }

    #[test]
    fn scores_are_log_odds() {
        let logits = RerankLogits::from([1.0, -0.5, 90.0]);
        assert!((logits.score() + 89.0).abs() < 1e-5);
        let logits = RerankLogits::from([0.2, 0.1, -0.3]);
        let expected = 0.2 - (0.1f32.exp() + (-0.3f32).exp()).ln();
        assert!((logits.score() - expected).abs() < 1e-6);
    }
}
