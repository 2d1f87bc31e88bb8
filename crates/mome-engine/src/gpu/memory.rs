//! The memory that a head attends to, on the device.

use super::model::Model;
use super::operations::{Chunk, Expecting, MemoryBuffers, Rows, Write};
use super::recorder::{Recorder, Segment};
use super::weights::Weights;
use mome_pack::KEY_WIDTH;

use crate::{AttentionParameters, EngineError, Memory};

/// `Slot` in memory_attention.wgsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct SlotRow {
    strength: f32,
    bias: f32,
    place: f32,
    expert: u32,
}

/// Memory with at least one slot.
pub(super) struct AttachedMemory {
    parameters: AttentionParameters,
    /// W_query, `[KEY_WIDTH, d]`.
    projection: Weights,
    /// `[rows, KEY_WIDTH]`
    queries: wgpu::Buffer,
    buffers: MemoryBuffers,
}

impl AttachedMemory {
    /// Uploads memory for a head of `rows` rows.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the rows are more than a buffer holds.
    pub fn upload(
        recorder: &mut Recorder<'_>,
        model: &Model,
        memory: &Memory,
        rows: usize,
    ) -> Result<Self, EngineError> {
        let slots = &memory.slots;
        let keys: Vec<[f32; KEY_WIDTH]> = slots.iter().map(|slot| slot.key).collect();
        let slot_table: Vec<SlotRow> = slots
            .iter()
            .map(|slot| SlotRow {
                strength: slot.strength,
                bias: memory.experts[slot.expert as usize].bias,
                place: slot.place as f32,
                expert: slot.expert,
            })
            .collect();
        let expected: Vec<f32> = memory.experts.iter().map(|expert| expert.next_place as f32).collect();
        // `Run` in memory_add.wgsl: token, begin, end.
        let mut begin = 0;
        let run_table: Vec<[u32; 3]> = slots
            .chunk_by(|a, b| a.token == b.token)
            .map(|run| {
                let end = begin + run.len() as u32;
                [run[0].token, std::mem::replace(&mut begin, end), end]
            })
            .collect();
        let buffers = MemoryBuffers {
            slots: slots.len(),
            runs: run_table.len(),
            keys: recorder.upload("slot keys", &keys)?,
            slot_table: recorder.upload("slots", &slot_table)?,
            run_table: recorder.upload("slot runs", &run_table)?,
            contributions: recorder.storage("contributions", rows, slots.len())?,
            leading: recorder.storage("leading slots", rows, 1)?,
            expected: recorder.upload("expected places", &expected)?,
        };
        Ok(Self {
            parameters: memory.parameters,
            projection: model.query(recorder.gpu, &memory.query)?,
            queries: recorder.storage("memory queries", rows, KEY_WIDTH)?,
            buffers,
        })
    }

    /// Records what attention from a chunk's final hidden states adds to its logits.
    pub fn record(
        &self,
        recorder: &mut Recorder<'_>,
        hidden: Rows<'_>,
        chunk: Chunk<'_>,
        expecting: Expecting,
    ) {
        let queries = Rows { buffer: &self.queries, first: chunk.first_row };
        recorder.matmul((&self.projection).into(), hidden, queries, chunk.count, Write::Replace);
        recorder.memory_attention(&self.parameters, &self.buffers, queries, chunk.count, expecting);
        recorder.memory_add(&self.buffers, chunk);
    }

    /// Brings back which slot leads in each of `rows` rows.
    pub fn read_leading(&self, recorder: &mut Recorder<'_>, rows: usize) -> Segment {
        recorder.read(&self.buffers.leading, rows)
    }
}
