//! Measures the engine's readers natively, in this process.

use std::fs;
use std::path::Path;
use std::time::Instant;

use mome_engine::{CpuOptions, DeviceChoice, EngineError, OpenOptions, TokenPair, open_encoder};

use super::{Job, Record};
use crate::failure::Failure;

/// Opens encoder and reranker on one thread of the CPU, and measures them.
///
/// # Errors
/// Where a file cannot be read or the engine fails.
pub async fn measure(job: &Job) -> Result<Record, Failure> {
    let read = |path: &Path| fs::read(path).map_err(Failure::file(path));
    let (encoder, reranker) = (read(&job.encoder)?, read(&job.reranker)?);
    let cpu = CpuOptions { threads: Some(1) };
    let options = OpenOptions { device: DeviceChoice::Cpu, cpu, ..OpenOptions::default() };
    let executor = open_encoder(&encoder, Some(&reranker), options).await?.executor;

    let question = [job.question.as_slice()];
    let pairs = job.pairs.iter().map(|pair| TokenPair { tokens: &pair.tokens, second: pair.second });
    let pairs: Vec<TokenPair<'_>> = pairs.collect();
    let read_seconds = median_seconds(job.repeats, async || executor.embed(&question).await).await?;
    let judge_seconds = median_seconds(job.repeats, async || executor.rerank(&pairs).await).await?;
    Ok(Record {
        device: Some(executor.device().to_owned()),
        read_seconds: Some(read_seconds),
        judge_seconds: Some(judge_seconds),
        embedding: executor.embed(&question).await?.concat(),
        ..Record::default()
    })
}

/// The median of the seconds that `run` takes, after a first time that does not count.
async fn median_seconds<T>(
    repeats: usize,
    run: impl AsyncFn() -> Result<T, EngineError>,
) -> Result<f64, EngineError> {
    run().await?;
    let mut seconds = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let begin = Instant::now();
        run().await?;
        seconds.push(begin.elapsed().as_secs_f64());
    }
    Ok(median(seconds))
}

/// The middle one of some numbers, or the mean of the middle two; of none it is not a number.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { middle(half) } else { (middle(half.wrapping_sub(1)) + middle(half)) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }
}
