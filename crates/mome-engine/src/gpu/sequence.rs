//! A sequence on the GPU: its KV cache, and the passes over it.

use std::sync::Arc;

use async_trait::async_trait;
use wgpu::Buffer;

use super::Shared;
use super::forward::{self, Activations, Cache, Input, Slice};
use super::head::HeadBuffers;
use super::kernels::Kernels;
use super::operations::PREDICTION_WORDS;
use super::pool::Pool;
use super::recorder::{Recorder, Segment};
use crate::check::{Progress, check_decode, check_pass};
use crate::{EngineError, Head, Memory, Output, Pass, Prediction, Sequence};

/// The most tokens that go through the blocks at once; longer passes are run slice by slice, so that activations
/// stay small.
const SLICE_TOKENS: usize = 256;

/// Tokens that were run, with what later ones need of them.
pub(super) struct GpuSequence {
    shared: Arc<Shared>,
    progress: Progress,
    /// One for each block.
    caches: Vec<Cache>,
    /// The residual stream after the last block, at the last position: `[d]`.
    last: Buffer,
    pool: Pool,
}

impl GpuSequence {
    /// # Errors
    /// [`EngineError::TooLong`] where the backbone's context is shorter than `capacity`, [`EngineError::Gpu`]
    /// where the cache is larger than the device can have.
    pub fn new(shared: Arc<Shared>, capacity: usize) -> Result<Self, EngineError> {
        let config = &shared.config;
        if capacity > config.context {
            return Err(EngineError::TooLong { tokens: capacity, capacity: config.context });
        }
        let caches = (0..config.layers)
            .map(|_| Cache::new(&shared.gpu, config, capacity))
            .collect::<Result<_, _>>()?;
        let last = shared.gpu.storage("last residual", 1, config.hidden)?;
        let progress = Progress { len: 0, capacity, last: false };
        Ok(Self { shared, progress, caches, last, pool: Pool::default() })
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Sequence for GpuSequence {
    fn len(&self) -> usize {
        self.progress.len
    }

    async fn run(&mut self, pass: Pass<'_>) -> Result<Output, EngineError> {
        let Self { shared, progress, caches, last, pool } = self;
        let Shared { config, gpu, kernels, model } = &**shared;
        check_pass(config, &pass, *progress)?;
        let mut recorder = Recorder::<Kernels>::new(gpu, kernels, pool);

        let head = pass.head.filter(|head| head.rows > 0);
        let rows = head.map_or(0, |head| head.rows);
        let ends = Ends::new(&mut recorder, config.hidden, last, pass.tokens.len(), rows)?;
        let states = record_tokens(&mut recorder, shared, caches, &pass, progress.len, &ends)?;
        let head = match head {
            Some(head) => {
                let buffers = HeadBuffers::new(&mut recorder, model, config, head)?;
                Some(buffers.record(&mut recorder, model, config, &ends.rows))
            }
            None => None,
        };

        let readback = recorder.submit().await?;
        progress.len += pass.tokens.len();
        progress.last |= !pass.tokens.is_empty();
        let read = |layer: &Vec<Segment>| layer.iter().flat_map(|segment| readback.values(segment)).collect();
        let mut output = Output { states: states.iter().map(read).collect(), ..Output::default() };
        if let Some(segments) = head {
            segments.read(&readback, &mut output)?;
        }
        Ok(output)
    }

    async fn decode(
        &mut self,
        count: usize,
        memory: Option<&Memory>,
    ) -> Result<Vec<Prediction>, EngineError> {
        let Self { shared, progress, caches, last, pool } = self;
        let Shared { config, gpu, kernels, model } = &**shared;
        check_decode(config, count, memory, *progress)?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut recorder = Recorder::<Kernels>::new(gpu, kernels, pool);
        let head = Head { rows: count, memory, ..Head::default() };
        let head = HeadBuffers::new(&mut recorder, model, config, head)?;
        let activations = Activations::new(&mut recorder, config, 1)?;
        // Each token is read where the head leaves it.
        let tokens = head.predictions.clone();
        let input =
            Input::new(&mut recorder, model, tokens, PREDICTION_WORDS, progress.len..progress.len + count)?;
        for row in 0..count {
            let residual = if row == 0 { &*last } else { &activations.residual };
            head.record_row(&mut recorder, model, config, residual, row);
            let slice = Slice { first: row, count: 1, position: progress.len + row };
            forward::record(&mut recorder, model, config, (&input, slice), (&activations, caches), &[]);
        }
        recorder.copy(&activations.residual, 0, last, 0, config.hidden);
        let segments = head.read(&mut recorder);

        let readback = recorder.submit().await?;
        progress.len += count;
        let mut output = Output::default();
        segments.read(&readback, &mut output)?;
        Ok(output.predictions)
    }

    fn truncate(&mut self, len: usize) {
        if len < self.progress.len {
            self.progress.len = len;
            self.progress.last = false;
        }
    }
}

/// Records the blocks over the tokens of a pass, of which the first is at `position`. Gives for each layer asked for
/// its states, slice by slice.
fn record_tokens(
    recorder: &mut Recorder<'_>,
    shared: &Shared,
    caches: &[Cache],
    pass: &Pass<'_>,
    position: usize,
    ends: &Ends<'_>,
) -> Result<Vec<Vec<Segment>>, EngineError> {
    let Shared { config, model, .. } = shared;
    let mut states: Vec<Vec<Segment>> = pass.states.iter().map(|_| Vec::new()).collect();
    let count = pass.tokens.len();
    if count == 0 {
        return Ok(states);
    }
    let rows = count.min(SLICE_TOKENS);
    let activations = Activations::new(recorder, config, rows)?;
    let tokens = recorder.upload("tokens", pass.tokens)?;
    let input = Input::new(recorder, model, tokens, 1, position..position + count)?;
    for first in (0..count).step_by(rows) {
        let slice = Slice { first, count: rows.min(count - first), position: position + first };
        let working = (&activations, caches);
        let segments = forward::record(recorder, model, config, (&input, slice), working, pass.states);
        for (layer, segment) in states.iter_mut().zip(segments) {
            layer.push(segment);
        }
        ends.gather(recorder, &activations.residual, slice);
    }
    Ok(states)
}

/// Where the residual stream at the last positions goes.
struct Ends<'a> {
    hidden: usize,
    tokens: usize,
    /// `[d]`: the last position, kept for the next pass.
    last: &'a Buffer,
    /// `[rows, d]`: what a head predicts from.
    rows: Buffer,
    /// The token of the pass that the first of `rows` belongs to; -1 where it is the position before the pass.
    first: isize,
}

impl<'a> Ends<'a> {
    /// Makes room for the last `rows` positions of a pass of `tokens` tokens, and fills in the one before it.
    fn new(
        recorder: &mut Recorder<'_>,
        hidden: usize,
        last: &'a Buffer,
        tokens: usize,
        rows: usize,
    ) -> Result<Self, EngineError> {
        let first = tokens as isize - rows as isize;
        if rows <= 1 {
            return Ok(Self { hidden, tokens, last, rows: last.clone(), first: tokens as isize });
        }
        let rows = recorder.storage("head input", rows, hidden)?;
        if first < 0 {
            recorder.copy(last, 0, &rows, 0, hidden);
        }
        Ok(Self { hidden, tokens, last, rows, first })
    }

    /// Copies what a slice has of them.
    fn gather(&self, recorder: &mut Recorder<'_>, residual: &Buffer, slice: Slice) {
        let hidden = self.hidden;
        let end = slice.first + slice.count;
        let begin = self.first.max(slice.first as isize);
        if begin < end as isize {
            let source = (begin - slice.first as isize) as usize * hidden;
            let target = (begin - self.first) as usize * hidden;
            recorder.copy(residual, source, &self.rows, target, (end as isize - begin) as usize * hidden);
        }
        if end == self.tokens {
            recorder.copy(residual, (slice.count - 1) * hidden, self.last, 0, hidden);
        }
    }
}
