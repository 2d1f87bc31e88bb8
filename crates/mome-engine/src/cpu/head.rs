//! Predicts from final residual states: last norm, output projection, memory, argmax.

use super::memory;
use super::model::{Model, Workspace};
use super::simd::{Kernel, Level, Simd, exp, index_of_largest, total};
use crate::{Head, Output, Prediction};

/// Rows whose logits are in memory at once: all of them would be too much for a large vocabulary.
const ROWS: usize = 8;

/// Predicts from `residual [rows, d]`, what the last block left, and puts the results into `output`.
pub(super) fn predict(
    model: &Model,
    head: &Head<'_>,
    residual: &[f32],
    room: &mut Workspace,
    output: &mut Output,
) {
    let (width, level) = (model.config.hidden, model.processor.level);
    let hidden = model.final_norm(residual);
    let mut logits = Vec::new();
    for (chunk, hidden) in hidden.chunks(ROWS * width).enumerate() {
        model.logits(hidden, room, &mut logits);
        let rows = hidden.chunks(width).zip(logits.chunks_mut(model.config.vocabulary));
        for (row, (hidden, logits)) in rows.enumerate() {
            let attend = |memory| memory::attend(level, memory, chunk * ROWS + row, hidden, logits);
            let slot = head.memory.and_then(attend);
            output.predictions.push(prediction(level, logits, head.watch, slot));
        }
        if head.logits {
            output.logits.extend_from_slice(&logits);
        }
    }
    if head.hidden {
        output.hidden = hidden;
    }
}

fn prediction(level: Level, logits: &[f32], watch: &[u32], slot: Option<u32>) -> Prediction {
    let (token, above) = level.run(Predict(logits));
    Prediction {
        token: token as u32,
        logprob: -above,
        log_sum: logits[token] + above,
        watched: watch.iter().map(|token| logits[*token as usize]).collect(),
        slot,
    }
}

/// Finds the largest logit, and the logarithm of the sum of all, exponentiated, relative to it.
struct Predict<'a>(&'a [f32]);

impl Kernel for Predict<'_> {
    type Output = (usize, f32);

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> (usize, f32) {
        /// Logits that are exponentiated together.
        const CHUNK: usize = 256;
        let token = index_of_largest(self.0).unwrap_or_default();
        let largest = self.0[token];
        let mut sum = 0.0;
        for logits in self.0.chunks(CHUNK) {
            let mut powers = [0.0; CHUNK];
            for (power, logit) in powers.iter_mut().zip(logits) {
                *power = exp(logit - largest);
            }
            sum += f64::from(total(&powers));
        }
        (token, sum.ln() as f32)
    }
}
