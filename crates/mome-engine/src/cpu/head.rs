//! Predicts from final residual states: last norm, output projection, memory, argmax.

use super::memory::{self, index_of_largest};
use super::model::Model;
use crate::{Head, Output, Prediction};

/// Rows whose logits are in memory at once: all of them would be too much for a large vocabulary.
const ROWS: usize = 8;

/// Predicts from `residual [rows, d]`, what the last block left, and puts the results into `output`.
pub(super) fn predict(model: &Model, head: &Head<'_>, residual: &[f32], output: &mut Output) {
    let width = model.config.hidden;
    let hidden = model.final_norm(residual);
    for (chunk, hidden) in hidden.chunks(ROWS * width).enumerate() {
        let mut logits = model.logits(hidden);
        let rows = hidden.chunks(width).zip(logits.chunks_mut(model.config.vocabulary));
        for (row, (hidden, logits)) in rows.enumerate() {
            let attend = |memory| memory::attend(memory, chunk * ROWS + row, hidden, logits);
            let slot = head.memory.and_then(attend);
            output.predictions.push(prediction(logits, head.watch, slot));
        }
        if head.logits {
            output.logits.append(&mut logits);
        }
    }
    if head.hidden {
        output.hidden = hidden;
    }
}

fn prediction(logits: &[f32], watch: &[u32], slot: Option<u32>) -> Prediction {
    let token = index_of_largest(logits).unwrap_or_default();
    let largest = logits[token];
    let sum: f64 = logits.iter().map(|logit| f64::from((logit - largest).exp())).sum();
    let above = sum.ln() as f32;
    Prediction {
        token: token as u32,
        logprob: -above,
        log_sum: largest + above,
        watched: watch.iter().map(|token| logits[*token as usize]).collect(),
        slot,
    }
}
