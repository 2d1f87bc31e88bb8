//! Finds out whether a device computes what the CPU does, before a backbone is entrusted to it: some drivers compute
//! wrongly.
//!
//! A [`SmallModel`] of the backbone's making runs on both: a prompt, one more token, and a few decoded in one go,
//! with memory attached. For encoders, a [`SmallEncoder`] reads a batch of texts ([`encoders`]).

mod encoders;
mod small_encoder;
mod small_model;
mod weights;
use mome_pack::KEY_WIDTH;

use crate::cpu::begin_small;
use crate::{
    AttachedExpert, AttentionParameters, EngineError, Head, Memory, MemorySlot, Output, Pass, Prediction,
    QueryProjection, Sequence,
};
pub(crate) use encoders::compare_encoders;
pub(crate) use small_encoder::SmallEncoder;
pub(crate) use small_model::SmallModel;
use weights::Numbers;
pub(crate) use weights::SmallMatrix;
#[cfg(test)]
pub(crate) use weights::scale_places;

/// How far two logits may be apart, in root mean squares of a row's logits: well above what comes of another order of
/// sums, well below what comes of a wrong one.
const TOLERANCE: f32 = 5e-3;

/// Tokens of the passes: a prompt, of more than a tile; one token; a draft.
const PASSES: [usize; 3] = [35, 1, 5];

/// Tokens decoded in one go.
const DECODED: usize = 3;

/// Runs the model on the CPU and, as `device`, on the device to be checked.
///
/// # Errors
/// [`EngineError::NoGpu`] with what differs, and what the device reports.
pub(crate) async fn compare(model: &SmallModel, device: &mut dyn Sequence) -> Result<(), EngineError> {
    let differs = |what: String| EngineError::NoGpu(format!("computes wrongly: {what}"));
    let mut cpu = begin_small(model);
    let mut numbers = Numbers::new();
    let memory = memory(model, &mut numbers);

    for count in PASSES {
        let tokens: Vec<u32> = (0..count).map(|_| numbers.below(model.config.vocabulary as u32)).collect();
        let head = Head { rows: count.min(3), memory: Some(&memory), logits: true, ..Head::default() };
        let pass = Pass { tokens: &tokens, states: &[], head: Some(head) };
        let expected = cpu.run(pass).await?;
        let found = device.run(pass).await?;
        agree(&expected, &found.predictions, Some(&found.logits))
            .map_err(|problem| differs(format!("{problem} in a pass of {count} tokens")))?;
    }

    let found = device.decode(DECODED, Some(&memory)).await?;
    let tokens: Vec<u32> = found.iter().map(|prediction| prediction.token).collect();
    if let Some(token) = tokens.iter().find(|token| **token as usize >= model.config.vocabulary) {
        return Err(differs(format!("it decoded token {token}, which does not exist")));
    }
    let head = Head { rows: DECODED, memory: Some(&memory), logits: true, ..Head::default() };
    let pass = Pass { tokens: &tokens[..DECODED - 1], states: &[], head: Some(head) };
    let expected = cpu.run(pass).await?;
    agree(&expected, &found, None).map_err(|problem| differs(format!("{problem} while decoding")))
}

/// Holds what was found to what was expected. Says what differs.
fn agree(expected: &Output, found: &[Prediction], logits: Option<&[f32]>) -> Result<(), String> {
    let rows = expected.predictions.len();
    let vocabulary = expected.logits.len() / rows;
    if found.len() != rows || logits.is_some_and(|logits| logits.len() != expected.logits.len()) {
        return Err(format!("{} predictions, not {rows}", found.len()));
    }
    for (row, (known, found)) in expected.predictions.iter().zip(found).enumerate() {
        let range = row * vocabulary..(row + 1) * vocabulary;
        let known_logits = &expected.logits[range.clone()];
        let mean_square = known_logits.iter().map(|logit| logit * logit).sum::<f32>() / vocabulary as f32;
        let tolerance = TOLERANCE * mean_square.sqrt();
        let close = |known: f32, found: f32| (known - found).abs() <= tolerance;

        let found_logits = logits.map_or(&[][..], |logits| &logits[range]);
        for (token, (known, found)) in known_logits.iter().zip(found_logits).enumerate() {
            if !close(*known, *found) {
                return Err(format!("the logit of token {token} is {found}, not {known}"));
            }
        }
        // The best token may be another one where two are within rounding of each other.
        let best = known_logits[known.token as usize];
        if !known_logits.get(found.token as usize).is_some_and(|logit| close(best, *logit)) {
            return Err(format!("it predicts token {}, not {}", found.token, known.token));
        }
        for (what, known, found) in
            [("log-probability", known.logprob, found.logprob), ("log-sum", known.log_sum, found.log_sum)]
        {
            if !close(known, found) {
                return Err(format!("the {what} of the prediction is {found}, not {known}"));
            }
        }
        if known.slot != found.slot {
            return Err(format!("slot {:?} leads, not {:?}", found.slot, known.slot));
        }
    }
    Ok(())
}

/// Two experts with a few slots. One of them is well ahead of the other, so that no rounding changes what leads.
fn memory(model: &SmallModel, numbers: &mut Numbers) -> Memory {
    let vocabulary = model.config.vocabulary as u32;
    let mut slots: Vec<MemorySlot> = (0..2)
        .map(|expert| MemorySlot {
            expert,
            place: 0,
            token: numbers.below(vocabulary),
            strength: 2.0,
            key: std::array::from_fn(|_| numbers.unit() / (KEY_WIDTH as f32).sqrt()),
        })
        .collect();
    slots.sort_by_key(|slot| (slot.token, slot.expert, slot.place));
    let query = (0..KEY_WIDTH * model.config.hidden).map(|_| numbers.unit()).collect();
    Memory {
        query: QueryProjection(query),
        parameters: AttentionParameters { beta: 1.0, gamma: 0.1, null: 0.0, margin: 4.0 },
        experts: [0.0, 4.0].map(|bias| AttachedExpert { bias, next_place: 0 }).to_vec(),
        slots,
    }
}
