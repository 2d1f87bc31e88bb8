//! Cross-attention between a final hidden state and the answer slots of the attached experts.

use super::attention::softmax;
use super::simd::dot;
use crate::{KEY_WIDTH, Memory, MemorySlot};

/// Adds what the slots say at row `row` of the head to its `logits [V]`; `hidden [d]` is after the last norm.
/// Returns the slot with the largest share, or `None` where null leads by the margin: the logits then stay.
pub(super) fn attend(memory: &Memory, row: usize, hidden: &[f32], logits: &mut [f32]) -> Option<u32> {
    let parameters = &memory.parameters;
    let query = query(memory, hidden);
    let slot_scores = memory.slots.iter().map(|slot| score(memory, row, &query, slot));
    let mut shares: Vec<f32> = std::iter::once(parameters.null).chain(slot_scores).collect();
    let best = index_of_largest(&shares[1..])?;
    if parameters.null >= shares[1 + best] + parameters.margin {
        return None;
    }
    softmax(&mut shares);
    for (slot, share) in memory.slots.iter().zip(&shares[1..]) {
        logits[slot.token as usize] += share * slot.strength;
    }
    Some(best as u32)
}

/// `W_query x`, scaled to length one.
fn query(memory: &Memory, hidden: &[f32]) -> Vec<f32> {
    let mut query: Vec<f32> =
        memory.query.0.chunks(hidden.len()).map(|row| dot::<false>(row, hidden)).collect();
    debug_assert_eq!(query.len(), KEY_WIDTH);
    let length = dot::<false>(&query, &query).sqrt();
    if length > 0.0 {
        query.iter_mut().for_each(|value| *value /= length);
    }
    query
}

fn score(memory: &Memory, row: usize, query: &[f32], slot: &MemorySlot) -> f32 {
    let expert = &memory.experts[slot.expert as usize];
    let expected = u64::from(expert.next_place) + row as u64;
    let distance = expected.abs_diff(slot.place.into());
    memory.parameters.beta * dot::<false>(query, &slot.key) + expert.bias
        - memory.parameters.gamma * distance as f32
}

/// The lowest index among equals; `None` where there is nothing.
pub(super) fn index_of_largest(numbers: &[f32]) -> Option<usize> {
    (0..numbers.len()).reduce(|best, index| if numbers[index] > numbers[best] { index } else { best })
}
