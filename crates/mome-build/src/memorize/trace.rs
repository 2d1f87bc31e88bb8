//! What the bare backbone does with a wording of a fact followed by its answer: what slots are made of.

use mome_backbone::Backbone;
use mome_engine::{Executor, Head, Pass, QueryProjection};
use mome_pack::KEY_WIDTH;
use mome_retrieval::vectors::{dot, normalize};

use crate::MemorizeError;

/// What the bare backbone does with one wording of a fact followed by its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The final hidden states that predict the answer's tokens, `[answer, d]`.
    pub hidden: Vec<f32>,
    /// For each place of the answer, the logarithm of the sum of all exponentiated logits.
    pub log_sums: Vec<f32>,
    /// For each place of the answer, the logits of the answer's distinct tokens in ascending order.
    pub logits: Vec<Vec<f32>>,
}

/// Runs one wording with the answer's tokens (the end token last) through the bare backbone.
///
/// # Errors
/// [`MemorizeError::TooLong`] where question and answer do not fit the backbone's context, and what the device
/// reports.
pub async fn trace(executor: &dyn Executor, wording: &str, answer: &[u32]) -> Result<Trace, MemorizeError> {
    let backbone: &Backbone = executor.backbone();
    let prompt = backbone.frame().prompt(backbone.tokenizer(), wording);
    let spoken = &answer[..answer.len().saturating_sub(1)];
    let (length, context) = (prompt.tokens.len() + spoken.len(), backbone.config().context);
    if length > context {
        return Err(MemorizeError::TooLong { tokens: length, context });
    }
    let tokens = [prompt.tokens.as_slice(), spoken].concat();
    let watch = distinct(answer);
    let head = Head { rows: answer.len(), watch: &watch, hidden: true, ..Head::default() };
    let pass = Pass { tokens: &tokens, states: &[], head: Some(head) };
    let output = executor.begin(length)?.run(pass).await?;
    Ok(Trace {
        hidden: output.hidden,
        log_sums: output.predictions.iter().map(|prediction| prediction.log_sum).collect(),
        logits: output.predictions.into_iter().map(|prediction| prediction.watched).collect(),
    })
}

impl Trace {
    /// The query at a place of the answer, of length one.
    pub(super) fn query(&self, query: &QueryProjection, place: usize) -> [f32; KEY_WIDTH] {
        let hidden = query.0.len() / KEY_WIDTH;
        let state = &self.hidden[place * hidden..(place + 1) * hidden];
        let mut q: [f32; KEY_WIDTH] =
            std::array::from_fn(|at| dot(state, &query.0[at * hidden..(at + 1) * hidden]));
        normalize(&mut q);
        q
    }
}

/// The distinct tokens of an answer in ascending order.
pub(super) fn distinct(answer: &[u32]) -> Vec<u32> {
    let mut tokens = answer.to_vec();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}
