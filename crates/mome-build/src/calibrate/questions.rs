//! The questions that calibrate a pack's gate, made of its own wordings.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::ask::Memory;
use crate::Fact;
use crate::near_misses::{ChangeKind, NearMisses};

/// Near misses that are made of one question at most. None are made of paraphrases: what is changed in a long one may be a
/// detail that does not change what is asked.
const CHANGES_A_QUESTION: usize = 8;

/// A question that is put to the memory.
pub(super) struct Question {
    /// The fact that it was made of, as a number among those held.
    pub(super) fact: usize,
    pub(super) kind: QuestionKind,
}

pub(super) enum QuestionKind {
    /// A stored wording, by its number, that is left out itself.
    Known(usize),
    /// A stored wording whose whole fact is left out.
    Hidden(usize),
    /// A question made of a wording by changing one thing.
    NearMiss { text: String, kind: ChangeKind, held_out: bool },
}

/// The stored wordings of these facts that can be left out: those of facts that keep another.
pub(super) fn known_of(facts: &[usize], memory: &Memory<'_>) -> Vec<(usize, usize)> {
    in_turn(facts, |fact| if memory.wordings(fact) > 1 { memory.wordings(fact) } else { 0 })
}

/// The wordings of these facts, the first of each fact, then the second of each, and so on, each as fact and number.
fn in_turn(facts: &[usize], count: impl Fn(usize) -> usize) -> Vec<(usize, usize)> {
    let most = facts.iter().map(|&fact| count(fact)).max().unwrap_or(0);
    (0..most)
        .flat_map(|wording| facts.iter().map(move |&fact| (fact, wording)))
        .filter(|&(fact, wording)| wording < count(fact))
        .collect()
}

/// At most `most` questions of each kind, of these facts in their order.
pub(super) fn questions(
    facts: &[usize],
    texts: &[&Fact],
    memory: &Memory<'_>,
    made: &NearMisses,
    most: usize,
    seed: u64,
) -> Vec<Question> {
    let known = known_of(facts, memory).into_iter().take(most);
    let known = known.map(|(fact, wording)| Question { fact, kind: QuestionKind::Known(wording) });
    let hidden = in_turn(facts, |fact| memory.wordings(fact)).into_iter().take(most);
    let hidden = hidden.map(|(fact, wording)| Question { fact, kind: QuestionKind::Hidden(wording) });
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Of some wordings nothing can be made.
    let near_misses: Vec<_> = facts
        .iter()
        .take(2 * most)
        .map(|&fact| (fact, made.changes(&mut random, fact, &texts[fact].wordings[0], CHANGES_A_QUESTION)))
        .collect();
    // One of each question first, so that no fact speaks for all.
    let in_rounds = (0..CHANGES_A_QUESTION).flat_map(|round| {
        near_misses.iter().filter_map(move |(fact, changes)| Some((*fact, changes.get(round)?)))
    });
    let near_misses = in_rounds.take(most).map(|(fact, change)| Question {
        fact,
        kind: QuestionKind::NearMiss {
            text: change.text.clone(),
            kind: change.kind,
            held_out: change.held_out,
        },
    });
    known.chain(hidden).chain(near_misses).collect()
}
