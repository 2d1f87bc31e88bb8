//! Compares an encoder on a device with the same one on the CPU.

use super::small_encoder::{CONTEXT, SmallEncoder};
use super::weights::Numbers;
use crate::cpu::CpuEncoder;
use crate::encoder::EncoderRunner;
use crate::{EngineError, TokenPair};

/// How far two numbers may be apart, in root mean squares of all: well above what comes of another order of sums, well
/// below what comes of a wrong one.
const TOLERANCE: f32 = 5e-3;

/// Lengths of the texts of a batch: one of more than a tile, one of a single token.
const LENGTHS: [usize; 4] = [35, 1, 12, CONTEXT];

/// Runs the encoder on the CPU and, as `device`, on the device to be checked.
///
/// # Errors
/// [`EngineError::NoGpu`] with what differs, and what the device reports.
pub(crate) async fn compare_encoders(
    model: &SmallEncoder,
    device: &impl EncoderRunner,
) -> Result<(), EngineError> {
    let cpu = CpuEncoder::small(model);
    let mut numbers = Numbers::new();
    let mut tokens =
        |count| -> Vec<u32> { (0..count).map(|_| numbers.below(model.config.vocabulary as u32)).collect() };
    let texts = LENGTHS.map(&mut tokens);
    let pairs: Vec<TokenPair<'_>> =
        texts.iter().map(|tokens| TokenPair { tokens, second: tokens.len().div_ceil(3) }).collect();

    let layers: Vec<usize> = (0..=model.config.layers).collect();
    let [expected, found] = [cpu.states(pairs[0], &layers).await?, device.states(pairs[0], &layers).await?];
    for (layer, (expected, found)) in expected.iter().zip(&found).enumerate() {
        agree(&format!("states after layer {layer}"), expected, found)?;
    }
    let [expected, found] = [cpu.embed(&pairs).await?, device.embed(&pairs).await?];
    agree("embeddings", &expected.concat(), &found.concat())?;
    if let (Some(expected), Some(found)) = (cpu.rerank(&pairs).await?, device.rerank(&pairs).await?) {
        let [expected, found] = [expected, found].map(|logits| {
            logits.iter().flat_map(|pair| [pair.same, pair.changed, pair.other]).collect::<Vec<_>>()
        });
        agree("logits of the reranker", &expected, &found)?;
    }
    Ok(())
}

/// Holds what was found to what was expected.
fn agree(what: &str, expected: &[f32], found: &[f32]) -> Result<(), EngineError> {
    let mean_square = expected.iter().map(|value| value * value).sum::<f32>() / expected.len() as f32;
    let tolerance = TOLERANCE * mean_square.sqrt();
    let differs = |(expected, found): &(&f32, &f32)| {
        // What is no number is not close to anything.
        let close = (*expected - *found).abs() <= tolerance;
        !close
    };
    let problem = if expected.len() != found.len() {
        Some(format!("{} numbers, not {}", found.len(), expected.len()))
    } else {
        let wrong = expected.iter().zip(found).enumerate().find(|(_, pair)| differs(pair));
        wrong.map(|(at, (expected, found))| format!("number {at} is {found}, not {expected}"))
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(EngineError::NoGpu(format!("computes wrongly: {what}: {problem}"))),
    }
}
