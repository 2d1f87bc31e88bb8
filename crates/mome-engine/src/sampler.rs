//! Decoding where something else than the likeliest token may be said.

use crate::{EngineError, Head, Memory, Pass, Sequence};

/// Chooses the token that follows. Where the likeliest one is wanted, [`Sequence::decode`] is faster: it does not bring
/// logits back from the device.
pub trait Sampler {
    /// The next token; `logits [V]` are those at this position, memory included.
    fn sample(&mut self, logits: &[f32]) -> u32;
}

/// The token with the largest logit; the lowest id among equals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Argmax;

impl Sampler for Argmax {
    fn sample(&mut self, logits: &[f32]) -> u32 {
        let best = logits.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0, |(token, _)| token as u32)
    }
}

/// Goes on with a sequence, `most` tokens far or until one is not `wanted`, which is left out. Of each expert of `memory`
/// the place expected next is one past its slot that led last.
///
/// # Errors
/// As [`Sequence::run`]; [`EngineError::Rows`] where the sequence is empty.
pub async fn sample(
    sequence: &mut dyn Sequence,
    memory: Option<&Memory>,
    sampler: &mut dyn Sampler,
    most: usize,
    mut wanted: impl FnMut(u32) -> bool,
) -> Result<Vec<u32>, EngineError> {
    let mut memory = memory.cloned();
    let mut tokens: Vec<u32> = Vec::new();
    while tokens.len() < most {
        let head = Head { rows: 1, memory: memory.as_ref(), logits: true, ..Head::default() };
        let last = tokens.last().map(std::slice::from_ref).unwrap_or_default();
        let output = sequence.run(Pass { tokens: last, states: &[], head: Some(head) }).await?;
        let token = sampler.sample(&output.logits);
        if !wanted(token) {
            break;
        }
        tokens.push(token);
        let slot = output.predictions.first().and_then(|prediction| prediction.slot);
        if let (Some(memory), Some(slot)) = (&mut memory, slot) {
            memory.used(slot);
        }
    }
    Ok(tokens)
}
