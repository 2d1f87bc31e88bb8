//! The head: final norm, output projection, memory, and prediction, at the last positions of a sequence.

use mome_backbone::Config;
use wgpu::Buffer;

use super::memory::AttachedMemory;
use super::model::Model;
use super::operations::{Chunk, Expecting, PREDICTION_WORDS, Rows, Write};
use super::recorder::{Readback, Recorder, Segment};
use crate::{EngineError, Head, Output, Prediction};

/// How many rows of logits are in memory at once.
const CHUNK_ROWS: usize = 8;

/// What `leading` holds where no slot leads.
const NO_SLOT: u32 = u32::MAX;

/// `Prediction` in `predict.wgsl`. The token comes first, so that `embed` finds it there.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Greedy {
    token: u32,
    logit: f32,
    log_sum: f32,
}

const _: () = assert!(size_of::<Greedy>() == 4 * PREDICTION_WORDS);

/// A head on the device: logits of some rows at a time, and what comes of them for all rows.
pub(super) struct HeadBuffers<'a> {
    head: Head<'a>,
    /// `[rows, d]`: final hidden states, after the last norm.
    hidden: Buffer,
    /// `[CHUNK_ROWS, V]`, or fewer rows.
    logits: Buffer,
    /// `[rows]` of [`PREDICTION_WORDS`], the token first.
    pub predictions: Buffer,
    /// The tokens to watch, `[watched]`, and their logits, `[rows, watched]`.
    watched: Option<[Buffer; 2]>,
    memory: Option<AttachedMemory>,
}

impl<'a> HeadBuffers<'a> {
    /// Makes room for all rows of a head, and uploads what it attends to.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the rows are more than a buffer holds.
    pub fn new(
        recorder: &mut Recorder<'_>,
        model: &Model,
        config: &Config,
        head: Head<'a>,
    ) -> Result<Self, EngineError> {
        let Head { rows, watch, .. } = head;
        let watched = if watch.is_empty() {
            None
        } else {
            Some([recorder.upload("watch", watch)?, recorder.storage("watched", rows, watch.len())?])
        };
        let attached = head.memory.filter(|memory| !memory.slots.is_empty());
        let memory = attached.map(|memory| AttachedMemory::upload(recorder, model, memory, rows));
        Ok(Self {
            head,
            hidden: recorder.storage("hidden", rows, config.hidden)?,
            logits: recorder.storage("logits", rows.min(CHUNK_ROWS), config.vocabulary)?,
            predictions: recorder.storage("predictions", rows, PREDICTION_WORDS)?,
            watched,
            memory: memory.transpose()?,
        })
    }

    /// Records all rows. `residual` is the residual stream there, `[rows, d]`.
    pub fn record(
        self,
        recorder: &mut Recorder<'_>,
        model: &Model,
        config: &Config,
        residual: &Buffer,
    ) -> HeadSegments<'a> {
        let rows = self.head.rows;
        recorder.norm(model.output_norm(), residual, &self.hidden, (rows, config.hidden));
        let mut logits = Vec::new();
        for first_row in (0..rows).step_by(CHUNK_ROWS) {
            let count = CHUNK_ROWS.min(rows - first_row);
            let hidden = Rows { buffer: &self.hidden, first: first_row };
            let expecting = Expecting::RowByRow;
            self.record_chunk(recorder, model, config, hidden, (first_row, count), expecting);
            if self.head.logits {
                logits.push(recorder.read(&self.logits, count * config.vocabulary));
            }
        }
        let hidden = self.head.hidden.then(|| recorder.read(&self.hidden, rows * config.hidden));
        HeadSegments { hidden, logits, ..self.read(recorder) }
    }

    /// Records row `row` of decoding, after those before it. `residual` is the residual stream there, `[d]`.
    pub fn record_row(
        &self,
        recorder: &mut Recorder<'_>,
        model: &Model,
        config: &Config,
        residual: &Buffer,
        row: usize,
    ) {
        recorder.norm(model.output_norm(), residual, &self.hidden, (1, config.hidden));
        let hidden = Rows::all(&self.hidden);
        self.record_chunk(recorder, model, config, hidden, (row, 1), Expecting::PastTheLast);
    }

    /// Records predictions from the final hidden states of `count` rows.
    fn record_chunk(
        &self,
        recorder: &mut Recorder<'_>,
        model: &Model,
        config: &Config,
        hidden: Rows<'_>,
        (first_row, count): (usize, usize),
        expecting: Expecting,
    ) {
        let chunk = Chunk { logits: &self.logits, vocabulary: config.vocabulary, first_row, count };
        recorder.matmul(model.output().into(), hidden, Rows::all(&self.logits), count, Write::Replace);
        if let Some(memory) = &self.memory {
            memory.record(recorder, hidden, chunk, expecting);
        }
        recorder.predict(chunk, &self.predictions);
        if let Some([tokens, logits]) = &self.watched {
            recorder.watch(chunk, (tokens, self.head.watch.len()), logits);
        }
    }

    /// Brings back what was predicted in all rows.
    pub fn read(self, recorder: &mut Recorder<'_>) -> HeadSegments<'a> {
        let Head { rows, watch, .. } = self.head;
        HeadSegments {
            head: self.head,
            predictions: recorder.read(&self.predictions, rows * PREDICTION_WORDS),
            watched: self.watched.map(|[_, logits]| recorder.read(&logits, rows * watch.len())),
            leading: self.memory.map(|memory| memory.read_leading(recorder, rows)),
            hidden: None,
            logits: Vec::new(),
        }
    }
}

/// What a head brings back.
pub(super) struct HeadSegments<'a> {
    head: Head<'a>,
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

impl HeadSegments<'_> {
    /// Puts what came back into `output`.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the logits of a row are not numbers.
    pub fn read(&self, readback: &Readback, output: &mut Output) -> Result<(), EngineError> {
        let floats = |segment| readback.values::<f32>(segment);
        let greedy: Vec<Greedy> = readback.values(&self.predictions);
        let watched = self.watched.as_ref().map(floats).unwrap_or_default();
        let leading: Vec<u32> =
            self.leading.as_ref().map(|segment| readback.values(segment)).unwrap_or_default();
        output.hidden = self.hidden.as_ref().map(floats).unwrap_or_default();
        output.logits = self.logits.iter().flat_map(floats).collect();

        let count = self.head.watch.len();
        for (row, Greedy { token, logit, log_sum }) in greedy.into_iter().enumerate() {
            if !(logit.is_finite() && log_sum.is_finite()) {
                return Err(EngineError::Gpu("it computed logits that are not numbers".to_owned()));
            }
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
