//! The head: final norm, output projection, memory, and prediction, at the last positions of a sequence.

use mome_backbone::Config;
use wgpu::Buffer;

use super::device::Gpu;
use super::model::Model;
use super::operations::{Chunk, MemoryBuffers, Norm, Rows, Write};
use super::recorder::{Readback, Recorder, Segment};
use super::weights::Weights;
use crate::{EngineError, Head, KEY_WIDTH, Memory, Output, Prediction};

/// How many rows of logits are in memory at once.
const CHUNK_ROWS: usize = 8;

/// What `leading` holds where no slot leads.
const NO_SLOT: u32 = u32::MAX;

/// What the head brings back.
pub(super) struct HeadSegments {
    /// `[rows]` of [`Greedy`].
    predictions: Segment,
    /// `[rows, watched]`
    watched: Option<Segment>,
    /// `[rows]`
    leading: Option<Segment>,
    /// `[rows, d]`
    hidden: Option<Segment>,
    /// `[rows, V]`, chunk by chunk.
    logits: Vec<Segment>,
}

/// `Prediction` in `predict.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Greedy {
    token: u32,
    logit: f32,
    log_sum: f32,
}

/// Records the head over `residual`, the residual stream at its rows, `[rows, d]`.
///
/// # Errors
/// [`EngineError::Gpu`] where the rows are more than a buffer holds.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    model: &Model,
    config: &Config,
    residual: &Buffer,
    head: &Head<'_>,
) -> Result<HeadSegments, EngineError> {
    let gpu = recorder.gpu;
    let (rows, vocabulary) = (head.rows, config.vocabulary);
    let hidden = gpu.storage("hidden", rows, config.hidden)?;
    let norm = Norm::rms(&model.output_norm, config.rms_epsilon);
    recorder.norm(norm, residual, &hidden, (rows, config.hidden));

    let memory = match head.memory {
        Some(memory) if !memory.slots.is_empty() => {
            Some(record_memory(recorder, model, &hidden, memory, rows)?)
        }
        _ => None,
    };
    let watched = match head.watch {
        [] => None,
        tokens => Some((gpu.upload("watch", tokens)?, gpu.storage("watched", rows, tokens.len())?)),
    };
    let logits = gpu.storage("logits", rows.min(CHUNK_ROWS), vocabulary)?;
    let predictions = gpu.storage("predictions", rows, size_of::<Greedy>() / 4)?;

    let mut logit_segments = Vec::new();
    for first_row in (0..rows).step_by(CHUNK_ROWS) {
        let count = CHUNK_ROWS.min(rows - first_row);
        let chunk = Chunk { logits: &logits, vocabulary, first_row, count };
        let input = Rows { buffer: &hidden, first: first_row };
        recorder.matmul((&model.output).into(), input, Rows::all(&logits), count, Write::Replace);
        if let Some(memory) = &memory {
            recorder.memory_add(memory, chunk);
        }
        recorder.predict(chunk, &predictions);
        if let Some((tokens, watched)) = &watched {
            recorder.watch(chunk, (tokens, head.watch.len()), watched);
        }
        if head.logits {
            logit_segments.push(recorder.read(&logits, count * vocabulary));
        }
    }
    Ok(HeadSegments {
        predictions: recorder.read(&predictions, rows * size_of::<Greedy>() / 4),
        watched: watched.map(|(_, watched)| recorder.read(&watched, rows * head.watch.len())),
        leading: memory.map(|memory| recorder.read(&memory.leading, rows)),
        hidden: head.hidden.then(|| recorder.read(&hidden, rows * config.hidden)),
        logits: logit_segments,
    })
}

/// Attends from every row to the slots; what comes back is still to be added to the logits.
fn record_memory(
    recorder: &mut Recorder<'_>,
    model: &Model,
    hidden: &Buffer,
    memory: &Memory,
    rows: usize,
) -> Result<MemoryBuffers, EngineError> {
    let gpu = recorder.gpu;
    let projection: Weights = model.upload_query(gpu, &memory.query)?;
    let queries = gpu.storage("memory queries", rows, KEY_WIDTH)?;
    recorder.matmul((&projection).into(), Rows::all(hidden), Rows::all(&queries), rows, Write::Replace);
    let buffers = upload_memory(gpu, memory, rows)?;
    recorder.memory_attention(&memory.parameters, &buffers, &queries, rows);
    Ok(buffers)
}

fn upload_memory(gpu: &Gpu, memory: &Memory, rows: usize) -> Result<MemoryBuffers, EngineError> {
    let slots = &memory.slots;
    let keys: Vec<[f32; KEY_WIDTH]> = slots.iter().map(|slot| slot.key).collect();
    // `Slot` in memory_attention.wgsl: strength, bias, place less the one expected at row 0.
    let slot_table: Vec<[f32; 3]> = slots
        .iter()
        .map(|slot| {
            let expert = memory.experts[slot.expert as usize];
            let place = i64::from(slot.place) - i64::from(expert.next_place);
            [slot.strength, expert.bias, place as f32]
        })
        .collect();
    // `Run` in memory_add.wgsl: token, begin, end.
    let mut begin = 0;
    let run_table: Vec<[u32; 3]> = slots
        .chunk_by(|a, b| a.token == b.token)
        .map(|run| {
            let end = begin + run.len() as u32;
            [run[0].token, std::mem::replace(&mut begin, end), end]
        })
        .collect();
    Ok(MemoryBuffers {
        slots: slots.len(),
        runs: run_table.len(),
        keys: gpu.upload("slot keys", &keys)?,
        slot_table: gpu.upload("slots", &slot_table)?,
        run_table: gpu.upload("slot runs", &run_table)?,
        contributions: gpu.storage("contributions", rows, slots.len())?,
        leading: gpu.storage("leading slots", rows, 1)?,
    })
}

impl HeadSegments {
    /// Puts what came back into `output`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the logits of a row are not numbers.
    pub fn read(&self, readback: &Readback, head: &Head<'_>, output: &mut Output) -> Result<(), EngineError> {
        let floats = |segment| readback.values::<f32>(segment);
        let greedy: Vec<Greedy> = readback.values(&self.predictions);
        let watched = self.watched.as_ref().map(floats).unwrap_or_default();
        let leading: Vec<u32> =
            self.leading.as_ref().map(|segment| readback.values(segment)).unwrap_or_default();
        output.hidden = self.hidden.as_ref().map(floats).unwrap_or_default();
        output.logits = self.logits.iter().flat_map(floats).collect();

        for (row, Greedy { token, logit, log_sum }) in greedy.into_iter().enumerate() {
            if !(logit.is_finite() && log_sum.is_finite()) {
                return Err(EngineError::Gpu("it computed logits that are not numbers".to_owned()));
            }
            let count = head.watch.len();
            output.predictions.push(Prediction {
                token,
                logprob: -log_sum,
                log_sum: logit + log_sum,
                watched: watched.get(row * count..(row + 1) * count).unwrap_or_default().to_vec(),
                slot: leading.get(row).copied().filter(|slot| *slot != NO_SLOT),
            });
        }
        Ok(())
    }
}
