//! Attaching experts to the head of the backbone: from a pack's slots to what the executor attends to.

use mome_engine::{AttachedExpert, AttentionParameters, Memory, MemorySlot, Prediction, QueryProjection};
use mome_pack::{Attention, Slot};

/// An expert's slots, and how much the gate speaks for them.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    /// The slots, in the order of the answer.
    pub slots: &'a [Slot],
    /// b_e: see [`accepted_bias`]; 0 for an expert that is merely attached.
    pub bias: f32,
    /// The place expected next.
    pub next_place: usize,
}

/// The bias of an expert that the gate accepted with these log odds.
#[must_use]
pub fn accepted_bias(attention: &Attention, log_odds: f32) -> f32 {
    log_odds.clamp(attention.accepted, attention.cap)
}

/// The memory that holds the slots of all these experts.
#[must_use]
pub fn memory(query: &QueryProjection, attention: &Attention, experts: &[Attachment<'_>]) -> Memory {
    let mut slots: Vec<MemorySlot> = experts
        .iter()
        .enumerate()
        .flat_map(|(expert, attachment)| {
            attachment.slots.iter().enumerate().map(move |(place, slot)| MemorySlot {
                expert: expert as u32,
                place: place as u32,
                token: slot.token,
                strength: slot.strength.to_f32(),
                key: slot.key.dequantize(),
            })
        })
        .collect();
    slots.sort_by_key(|slot| (slot.token, slot.expert, slot.place));
    let experts = experts
        .iter()
        .map(|attachment| AttachedExpert { bias: attachment.bias, next_place: attachment.next_place as u32 })
        .collect();
    let parameters = AttentionParameters {
        beta: attention.beta,
        gamma: attention.gamma,
        null: attention.null,
        margin: attention.margin,
    };
    Memory { query: query.clone(), parameters, experts, slots }
}

/// Whether the backbone with these slots says the draft, row by row, each time led by the slot in its place. Then
/// token-by-token decoding gives the draft too.
#[must_use]
pub fn verified(draft: &[Slot], memory: &Memory, predictions: &[Prediction]) -> bool {
    predictions.len() == draft.len()
        && predictions.iter().zip(draft).enumerate().all(|(place, (prediction, slot))| {
            let leading = prediction.slot.and_then(|at| memory.slots.get(at as usize));
            prediction.token == slot.token && leading.is_some_and(|leading| leading.place as usize == place)
        })
}
