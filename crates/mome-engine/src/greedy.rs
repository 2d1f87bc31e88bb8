//! Greedy decoding with the bare backbone.

use crate::{EngineError, Executor, Pass, Prediction};

/// Tokens that are decoded in one submission to the device: enough that bringing predictions back costs little, few
/// enough that little is thrown away after the end token.
const STEP: usize = 8;

/// The likeliest tokens after a prompt: `most`, or fewer where the backbone's context is full or one is not `wanted`,
/// which is left out. `wanted` is asked of each token as it comes.
///
/// # Errors
/// As [`crate::Sequence::run`], and [`EngineError::Rows`] where the prompt is empty.
pub async fn greedy(
    executor: &dyn Executor,
    prompt: &[u32],
    most: usize,
    mut wanted: impl FnMut(&Prediction) -> bool,
) -> Result<Vec<Prediction>, EngineError> {
    let room = executor.backbone().config().context.saturating_sub(prompt.len());
    let count = most.min(room);
    let mut sequence = executor.begin(prompt.len() + count)?;
    sequence.run(Pass { tokens: prompt, ..Pass::default() }).await?;
    let mut predictions = Vec::new();
    while predictions.len() < count {
        for prediction in sequence.decode(STEP.min(count - predictions.len()), None).await? {
            if !wanted(&prediction) {
                return Ok(predictions);
            }
            predictions.push(prediction);
        }
    }
    Ok(predictions)
}
