//! Memory experts as the head sees them: answer slots to attend to (docs/design.md, "Answering").

use std::sync::Arc;

use mome_pack::KEY_WIDTH;

/// The most slots that one pass can attend to.
pub const MAX_SLOTS: usize = 2048;

/// The strengths of the parts of the attention over slots. Frozen with the selector.
///
/// Slot j of expert e scores `beta q.k_j + b_e - gamma |place_e - pos_j|`; null scores `null`. Where `null` is
/// at least `margin` above every slot the sum over slots is left out altogether.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionParameters {
    /// Sharpness of the match between query and key.
    pub beta: f32,
    /// Penalty for each place between the slot and the one expected next.
    pub gamma: f32,
    /// Score of attending to nothing.
    pub null: f32,
    /// By how much null must lead for the backbone's logits to stand bit for bit.
    pub margin: f32,
}

/// W_query, `[KEY_WIDTH, d]` row by row: from a final hidden state (after the last norm) to a query, which is
/// then scaled to length one.
#[derive(Clone, Debug)]
pub struct QueryProjection(pub Arc<[f32]>);

/// One answer slot.
#[derive(Clone, Debug)]
pub struct MemorySlot {
    /// Index of its expert in [`Memory::experts`].
    pub expert: u32,
    /// Its place in the answer.
    pub place: u32,
    /// The token whose logit it raises.
    pub token: u32,
    /// By how much, at full attention.
    pub strength: f32,
    /// `k_j`, of length one up to quantisation.
    pub key: [f32; KEY_WIDTH],
}

/// An expert that is attached to a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttachedExpert {
    /// `b_e`: the gate's word for it; 0 where it is merely attached.
    pub bias: f32,
    /// The place expected next at the first row: 0 at the start, then one past the slot used last.
    pub next_place: u32,
}

/// Everything the head attends to in one pass.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Makes queries of hidden states.
    pub query: QueryProjection,
    /// Strengths of the parts of a slot's score.
    pub parameters: AttentionParameters,
    /// The attached experts.
    pub experts: Vec<AttachedExpert>,
    /// Their slots, sorted by token (then expert, then place), so that sums over a token run in one order.
    pub slots: Vec<MemorySlot>,
}

impl Memory {
    /// Notes that this slot led: its expert expects one past it.
    pub fn used(&mut self, slot: u32) {
        if let Some(MemorySlot { expert, place, .. }) = self.slots.get(slot as usize) {
            self.experts[*expert as usize].next_place = place.saturating_add(1);
        }
    }
}
