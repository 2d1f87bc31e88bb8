//! The merges of a byte-pair encoding: which neighbours join, and which of them first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::TokenizerError;

/// For each pair of tokens that may join: its rank (lower joins first) and the token that they make.
#[derive(Debug)]
pub(super) struct Merges(HashMap<(u32, u32), Merge>);

#[derive(Clone, Copy, Debug)]
struct Merge {
    rank: u32,
    result: u32,
}

impl Merges {
    /// Reads a list of `left right`, in order of rank; `ids` gives the token of each text.
    pub(super) fn read(list: &[String], ids: &HashMap<&str, u32>) -> Result<Self, TokenizerError> {
        let mut merges = HashMap::with_capacity(list.len());
        for (index, text) in list.iter().enumerate() {
            let joined = text.split_once(' ').and_then(|(left, right)| {
                let result = ids.get(format!("{left}{right}").as_str())?;
                Some(((*ids.get(left)?, *ids.get(right)?), *result))
            });
            let Some((pair, result)) = joined else {
                return Err(TokenizerError::Merge { index, merge: text.clone() });
            };
            merges.entry(pair).or_insert(Merge { rank: index as u32, result });
        }
        Ok(Self(merges))
    }

    /// Joins neighbours of one word, the pair of the lowest rank first and the leftmost among equals, until none
    /// can be joined. Takes n log n steps for a word of n bytes.
    pub(super) fn apply(&self, word: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut parts: Vec<Part> = word
            .enumerate()
            .map(|(at, id)| Part { id, previous: at.checked_sub(1), next: Some(at + 1), alive: true })
            .collect();
        if let Some(last) = parts.last_mut() {
            last.next = None;
        }
        let mut queue = BinaryHeap::new();
        for left in 0..parts.len() {
            self.propose(&parts, Some(left), &mut queue);
        }
        while let Some(Reverse(candidate)) = queue.pop() {
            let Candidate { left, pair, result, .. } = candidate;
            // One of the two may have joined another neighbour since.
            if !parts[left].alive || pair_at(&parts, left) != Some(pair) {
                continue;
            }
            let Some(right) = parts[left].next else { continue };
            let after = parts[right].next;
            parts[right].alive = false;
            parts[left].id = result;
            parts[left].next = after;
            if let Some(after) = after {
                parts[after].previous = Some(left);
            }
            self.propose(&parts, parts[left].previous, &mut queue);
            self.propose(&parts, Some(left), &mut queue);
        }
        parts.into_iter().filter(|part| part.alive).map(|part| part.id).collect()
    }

    /// Queues the pair that begins at `left`, where it can be joined.
    fn propose(&self, parts: &[Part], left: Option<usize>, queue: &mut BinaryHeap<Reverse<Candidate>>) {
        let Some(left) = left else { return };
        let Some(pair) = pair_at(parts, left) else { return };
        if let Some(Merge { rank, result }) = self.0.get(&pair).copied() {
            queue.push(Reverse(Candidate { rank, left, pair, result }));
        }
    }
}

/// A token of the word, linked to its neighbours.
struct Part {
    id: u32,
    previous: Option<usize>,
    next: Option<usize>,
    alive: bool,
}

/// A pair that could be joined. Ordered by rank, then by place.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u32,
    left: usize,
    pair: (u32, u32),
    result: u32,
}

fn pair_at(parts: &[Part], left: usize) -> Option<(u32, u32)> {
    let right = parts[left].next?;
    Some((parts[left].id, parts[right].id))
}
