//! A sequence on the GPU: its KV cache, and the passes over it.

use std::sync::Arc;

use async_trait::async_trait;
use wgpu::Buffer;

use super::Shared;
use super::forward::{self, Activations, Cache, Input, Slice};
use super::head;
use super::recorder::{Recorder, Segment};
use crate::check::check_pass;
use crate::{EngineError, Output, Pass, Sequence};

/// The most tokens that go through the blocks at once; longer passes are run slice by slice, so that activations
/// stay small.
const SLICE_TOKENS: usize = 256;

/// Tokens that were run, with what later ones need of them.
pub(super) struct GpuSequence {
    shared: Arc<Shared>,
    capacity: usize,
    len: usize,
    /// One for each block.
    caches: Vec<Cache>,
    /// The residual stream after the last block, at the last position: `[d]`.
    last: Buffer,
    /// Kept between passes, and replaced where one has more tokens.
    activations: Option<Activations>,
}

impl GpuSequence {
    /// # Errors
    /// [`EngineError::TooLong`] where the backbone's context is shorter than `capacity`, [`EngineError::Gpu`]
    /// where the cache is larger than the device can have.
    pub fn new(shared: Arc<Shared>, capacity: usize) -> Result<Self, EngineError> {
        let config = shared.backbone.config();
        if capacity > config.context {
            return Err(EngineError::TooLong { tokens: capacity, capacity: config.context });
        }
        let caches = (0..config.layers)
            .map(|_| Cache::new(&shared.gpu, config, capacity))
            .collect::<Result<_, _>>()?;
        let last = shared.gpu.storage("last residual", 1, config.hidden)?;
        Ok(Self { shared, capacity, len: 0, caches, last, activations: None })
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Sequence for GpuSequence {
    fn len(&self) -> usize {
        self.len
    }

    async fn run(&mut self, pass: Pass<'_>) -> Result<Output, EngineError> {
        let shared = self.shared.clone();
        check_pass(shared.backbone.config(), &pass, self.len, self.capacity)?;
        let mut recorder = Recorder::new(&shared.gpu, &shared.kernels);

        let head_rows = pass.head.map_or(0, |head| head.rows);
        let head_input = HeadInput::new(&mut recorder, self, pass.tokens.len(), head_rows)?;
        let states = self.record_tokens(&mut recorder, &pass, &head_input)?;
        let head = match pass.head {
            Some(head) if head.rows > 0 => {
                let config = shared.backbone.config();
                let segments =
                    head::record(&mut recorder, &shared.model, config, &head_input.residual, &head)?;
                Some((head, segments))
            }
            _ => None,
        };

        let readback = recorder.submit().await?;
        self.len += pass.tokens.len();
        let read = |layer: &Vec<Segment>| layer.iter().flat_map(|segment| readback.values(segment)).collect();
        let mut output = Output { states: states.iter().map(read).collect(), ..Output::default() };
        if let Some((head, segments)) = head {
            segments.read(&readback, &head, &mut output)?;
        }
        Ok(output)
    }
}

impl GpuSequence {
    /// Records the blocks over the tokens of a pass. Gives for each layer asked for its states, slice by slice.
    fn record_tokens(
        &mut self,
        recorder: &mut Recorder<'_>,
        pass: &Pass<'_>,
        head_input: &HeadInput,
    ) -> Result<Vec<Vec<Segment>>, EngineError> {
        let mut states: Vec<Vec<Segment>> = pass.states.iter().map(|_| Vec::new()).collect();
        let count = pass.tokens.len();
        if count == 0 {
            return Ok(states);
        }
        let Shared { gpu, model, backbone, .. } = &*self.shared;
        let config = backbone.config();
        let rows = count.min(SLICE_TOKENS);
        let activations = match self.activations.take() {
            Some(activations) if activations.rows >= rows => activations,
            _ => Activations::new(gpu, config, rows)?,
        };
        let input = Input::upload(gpu, config, pass.tokens, self.len)?;
        for first in (0..count).step_by(rows) {
            let slice = Slice { first, count: rows.min(count - first), position: self.len + first };
            let working = (&activations, &self.caches[..]);
            let segments = forward::record(recorder, model, config, (&input, slice), working, pass.states);
            for (layer, segment) in states.iter_mut().zip(segments) {
                layer.push(segment);
            }
            head_input.gather(recorder, &activations.residual, slice, config.hidden);
            if first + slice.count == count {
                let last_row = (slice.count - 1) * config.hidden;
                recorder.copy(&activations.residual, last_row, &self.last, 0, config.hidden);
            }
        }
        self.activations = Some(activations);
        Ok(states)
    }
}

/// The rows that a head predicts from, gathered from the position before the pass and from its slices.
struct HeadInput {
    /// `[rows, d]`
    residual: Buffer,
    /// The token of the pass that the first row belongs to; -1 where it is the position before the pass.
    first: isize,
}

impl HeadInput {
    /// Makes room for the last `rows` positions of a pass of `tokens` tokens, and fills in the one before it.
    fn new(
        recorder: &mut Recorder<'_>,
        sequence: &GpuSequence,
        tokens: usize,
        rows: usize,
    ) -> Result<Self, EngineError> {
        let hidden = sequence.shared.backbone.config().hidden;
        let residual = recorder.gpu.storage("head input", rows, hidden)?;
        let first = tokens as isize - rows as isize;
        if first < 0 {
            recorder.copy(&sequence.last, 0, &residual, 0, hidden);
        }
        Ok(Self { residual, first })
    }

    /// Copies what a slice has of the rows.
    fn gather(&self, recorder: &mut Recorder<'_>, residual: &Buffer, slice: Slice, hidden: usize) {
        let begin = self.first.max(slice.first as isize);
        let end = (slice.first + slice.count) as isize;
        if begin < end {
            let source = (begin - slice.first as isize) as usize * hidden;
            let target = (begin - self.first) as usize * hidden;
            recorder.copy(residual, source, &self.residual, target, (end - begin) as usize * hidden);
        }
    }
}
