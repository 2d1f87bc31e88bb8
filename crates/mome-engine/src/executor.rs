//! What every executor can do.

use std::sync::Arc;

use async_trait::async_trait;
use mome_backbone::Backbone;
use mome_pack::MaybeSendSync;

use crate::{EngineError, Memory};

/// A backbone on a device, ready to run.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait Executor: MaybeSendSync {
    /// The backbone that this executor runs.
    fn backbone(&self) -> &Arc<Backbone>;

    /// The device in words, for people: `cpu`, or `gpu: ` and the adapter's name.
    fn device(&self) -> &str;

    /// Begins an empty sequence that can hold up to `capacity` tokens in its KV cache.
    ///
    /// # Errors
    /// [`EngineError::TooLong`] where `capacity` is more than the backbone's context.
    fn begin(&self, capacity: usize) -> Result<Box<dyn Sequence>, EngineError>;

    /// Multiplies every weight matrix that a token goes through with one vector, `rounds` times, back to back in one
    /// submission to the device: only the time that it takes tells something, namely what a decoded token costs at
    /// least. False where this was not done: the CPU takes no submissions.
    ///
    /// # Errors
    /// What the device reports.
    async fn multiply_weights(&self, rounds: usize) -> Result<bool, EngineError> {
        let _ = rounds;
        Ok(false)
    }
}

/// Tokens that an executor has run, with their KV cache.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait Sequence: MaybeSendSync {
    /// How many tokens have been run.
    fn len(&self) -> usize;

    /// Whether no token has been run yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs `pass.tokens` after those before them, in one submission to the device.
    ///
    /// # Errors
    /// [`EngineError::TooLong`] where the tokens do not fit, [`EngineError::Token`] where one is not in the
    /// vocabulary, [`EngineError::Rows`] where the head wants rows that are not there, and what the device
    /// reports. The sequence is not usable after an error of the device.
    async fn run(&mut self, pass: Pass<'_>) -> Result<Output, EngineError>;

    /// Predicts the token that follows and runs it, `count` times over: greedy decoding, in one submission to the
    /// device. The first prediction is made from the position before, so something must have been run. Of each
    /// expert of `memory`, the first token expects place `next_place`; from then on an expert expects one past the slot of
    /// it that led last.
    ///
    /// # Errors
    /// As [`Sequence::run`], for `count` tokens and a head of one row.
    async fn decode(&mut self, count: usize, memory: Option<&Memory>)
    -> Result<Vec<Prediction>, EngineError>;

    /// Forgets all tokens but the first `len`. Where that is fewer than there are, the final state of the position
    /// before goes too: the next pass must bring a token before its head can predict.
    fn truncate(&mut self, len: usize);
}

/// What one forward pass is to do.
#[derive(Clone, Copy, Default)]
pub struct Pass<'a> {
    /// Tokens to append. May be empty where only the head is wanted.
    pub tokens: &'a [u32],
    /// The layers whose states to bring back: 0 is the embedding, `l` what block `l` (counted from 1) leaves.
    pub states: &'a [usize],
    /// What to predict at the last positions; `None` leaves the output projection out.
    pub head: Option<Head<'a>>,
}

/// The output projection at the last positions of a sequence, with memory attached where given.
#[derive(Clone, Copy, Default)]
pub struct Head<'a> {
    /// How many of the last positions to predict from: at most the tokens of this pass, and one more, since a
    /// sequence keeps the final state of the position before the pass (until it is truncated).
    pub rows: usize,
    /// Experts to attend to. Row `r` expects place `next_place + r` of each expert.
    pub memory: Option<&'a Memory>,
    /// Tokens whose logits to bring back for every row, memory included.
    pub watch: &'a [u32],
    /// Whether to bring back the final hidden states, after the last norm.
    pub hidden: bool,
    /// Whether to bring back all logits: for a [`crate::Sampler`]. Answering never needs them.
    pub logits: bool,
}

/// What one forward pass brought back.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// For each layer asked for, `[tokens, d]`, row by row.
    pub states: Vec<Vec<f32>>,
    /// `[rows, d]` after the last norm, where asked for.
    pub hidden: Vec<f32>,
    /// `[rows, V]`, memory included, where asked for.
    pub logits: Vec<f32>,
    /// One for each row of the head.
    pub predictions: Vec<Prediction>,
}

/// What the head says at one position.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The token with the largest logit; the lowest id among equals.
    pub token: u32,
    /// Natural logarithm of that token's probability.
    pub logprob: f32,
    /// Natural logarithm of the sum of all exponentiated logits.
    pub log_sum: f32,
    /// Logits of the watched tokens, in the order asked.
    pub watched: Vec<f32>,
    /// Index of the slot with the largest attention (the lowest among equals), or `None` where no memory is
    /// attached or null led every slot by the margin, so that the logits are the backbone's own.
    pub slot: Option<u32>,
}
