//! Cross-attention between a final hidden state and the answer slots of the attached experts.

use super::simd::{Kernel, Level, Simd, dot, index_of_largest};
use mome_pack::KEY_WIDTH;

use crate::{Memory, MemorySlot};

/// Adds what the slots say at row `row` of the head to its `logits [V]`; `hidden [d]` is after the last norm.
/// Returns the slot with the largest share, or `None` where null leads by the margin: the logits then stay.
pub(super) fn attend(
    level: Level,
    memory: &Memory,
    row: usize,
    hidden: &[f32],
    logits: &mut [f32],
) -> Option<u32> {
    level.run(Attend { memory, row, hidden, logits })
}

struct Attend<'a> {
    memory: &'a Memory,
    row: usize,
    hidden: &'a [f32],
    logits: &'a mut [f32],
}

impl Kernel for Attend<'_> {
    type Output = Option<u32>;

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) -> Option<u32> {
        let Self { memory, row, hidden, logits } = self;
        let parameters = &memory.parameters;
        let query = query::<S>(memory, hidden);
        let mut shares = vec![parameters.null];
        for slot in &memory.slots {
            shares.push(score::<S>(memory, row, &query, slot));
        }
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
}

/// `W_query x`, scaled to length one.
#[inline(always)]
fn query<S: Simd>(memory: &Memory, hidden: &[f32]) -> Vec<f32> {
    let mut query = Vec::with_capacity(KEY_WIDTH);
    for weights in memory.query.0.chunks(hidden.len()) {
        query.push(dot::<S>(weights, hidden));
    }
    let length = dot::<S>(&query, &query).sqrt();
    if length > 0.0 {
        query.iter_mut().for_each(|value| *value /= length);
    }
    query
}

#[inline(always)]
fn score<S: Simd>(memory: &Memory, row: usize, query: &[f32], slot: &MemorySlot) -> f32 {
    let expert = &memory.experts[slot.expert as usize];
    let expected = u64::from(expert.next_place) + row as u64;
    let distance = expected.abs_diff(slot.place.into());
    memory.parameters.beta * dot::<S>(query, &slot.key) + expert.bias
        - memory.parameters.gamma * distance as f32
}

/// Turns scores into shares that sum to one.
fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}
