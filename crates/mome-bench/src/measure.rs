//! Measures the engine natively, in this process.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mome_engine::{Executor, Head, OpenOptions, Opening, Pass, Sequence};

use crate::failure::Failure;
use crate::record::Record;

/// Tokens of the prompt before the first token.
const FIRST_PROMPT: usize = 16;
/// Tokens of the prompt that prefill is measured with.
const PREFILL: usize = 128;
/// Tokens decoded in one go.
const DECODED: usize = 32;
/// Tokens decoded in one submission, as generating does; divides [`DECODED`].
const STEP: usize = 8;
/// How often the matrix products are made in one submission.
const ROUNDS: usize = 4;
/// How much of the file is read at once.
const PIECE: usize = 4 << 20;

/// Opens a model and measures it; prefill and decode take about `seconds` each.
///
/// # Errors
/// Where the file cannot be read or the engine fails.
pub async fn measure(model: &Path, options: OpenOptions, seconds: f64) -> Result<Record, Failure> {
    let limit = Duration::from_secs_f64(seconds);
    let begin = Instant::now();
    let executor = open(model, options).await?;
    let loaded = begin.elapsed();
    let (mut sequence, tokens) = (executor.begin(FIRST_PROMPT)?, prompt(&*executor, FIRST_PROMPT));
    run(&mut *sequence, &tokens).await?;
    let first_token = begin.elapsed();

    let (decode, matvec) = decode_and_matvec_seconds(&*executor, limit).await?;
    let prefill = least(limit, async || prefill_seconds(&*executor).await).await?;
    Ok(Record {
        device: Some(executor.device().to_owned()),
        load_seconds: Some(loaded.as_secs_f64()),
        first_token_seconds: Some(first_token.as_secs_f64()),
        prefill_tokens_per_second: Some(PREFILL as f64 / prefill),
        decode_tokens_per_second: Some(1.0 / decode),
        matvec_seconds: matvec,
        peak_bytes: peak_bytes(),
        ..Record::default()
    })
}

/// Opens a model as a program does that wants little memory: piece by piece.
async fn open(model: &Path, options: OpenOptions) -> Result<Arc<dyn Executor>, Failure> {
    let mut file = File::open(model).map_err(Failure::file(model))?;
    let length = file.metadata().map_err(Failure::file(model))?.len();
    let mut opening = Opening::new(length, options);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(Failure::file(model))? {
            0 => return Ok(opening.finish().await?.executor),
            count => opening.push(&piece[..count]).await?,
        }
    }
}

/// Some token ids.
fn prompt(executor: &dyn Executor, length: usize) -> Vec<u32> {
    let vocabulary = executor.backbone().config().vocabulary;
    (0..length).map(|index| ((7919 * index + 13) % (vocabulary - 1)) as u32).collect()
}

/// Runs tokens up to the prediction of the one that follows.
async fn run(sequence: &mut dyn Sequence, tokens: &[u32]) -> Result<(), Failure> {
    let head = Head { rows: 1, ..Head::default() };
    sequence.run(Pass { tokens, head: Some(head), ..Pass::default() }).await?;
    Ok(())
}

/// Decodes [`DECODED`] tokens after one, but no more than [`STEP`] once `limit` is over.
async fn seconds_per_token(executor: &dyn Executor, limit: Duration) -> Result<f64, Failure> {
    let mut sequence = executor.begin(1 + DECODED)?;
    run(&mut *sequence, &prompt(executor, 1)).await?;
    let begin = Instant::now();
    let mut count = 0;
    while count == 0 || (count < DECODED && begin.elapsed() < limit) {
        count += sequence.decode(STEP, None).await?.len();
    }
    Ok(begin.elapsed().as_secs_f64() / count as f64)
}

/// Seconds for a decoded token, and for the products of all weight matrices with one vector each where the device can
/// do those by themselves. They take turns, since one is to be compared with the other.
async fn decode_and_matvec_seconds(
    executor: &dyn Executor,
    limit: Duration,
) -> Result<(f64, Option<f64>), Failure> {
    let begin = Instant::now();
    let (mut decode, mut matvec) = (f64::INFINITY, None);
    while decode.is_infinite() || begin.elapsed() < limit {
        decode = decode.min(seconds_per_token(executor, limit).await?);
        let turn = Instant::now();
        if executor.multiply_weights(ROUNDS).await? {
            let seconds = turn.elapsed().as_secs_f64() / ROUNDS as f64;
            matvec = Some(matvec.map_or(seconds, |least: f64| least.min(seconds)));
        }
    }
    Ok((decode, matvec))
}

async fn prefill_seconds(executor: &dyn Executor) -> Result<f64, Failure> {
    let (mut sequence, tokens) = (executor.begin(PREFILL)?, prompt(executor, PREFILL));
    let begin = Instant::now();
    run(&mut *sequence, &tokens).await?;
    Ok(begin.elapsed().as_secs_f64())
}

/// The least of what `run` gives within `limit`; it runs at least once.
async fn least(limit: Duration, mut run: impl AsyncFnMut() -> Result<f64, Failure>) -> Result<f64, Failure> {
    let begin = Instant::now();
    let mut least = run().await?;
    while begin.elapsed() < limit {
        least = least.min(run().await?);
    }
    Ok(least)
}

/// The largest resident memory of this process so far, where the system tells it.
fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}
