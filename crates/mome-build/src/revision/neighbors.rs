//! Facts near those that a change touches: asked before and after, so that it is seen whose reply it changed.

use std::collections::BTreeSet;

use mome::{AnswerOptions, Mome};
use mome_retrieval::router::nearest;
use serde::Serialize;

use super::catalog::Entry;
use crate::MemorizeError;
use crate::progress::{Progress, Stage, counted};
use crate::side_by_side::side_by_side;

/// How many facts near each that changes are asked.
const NEIGHBORS: usize = 8;

/// A reply to a question. Field names are those of the JSON that `mome memorize --into` and `mome forget` print.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    /// Whether a memorised answer was given.
    pub known: bool,
    /// The answer, or "I don't know".
    pub text: String,
    /// Id of the fact that it came from.
    pub id: Option<String>,
}

/// A fact whose question is answered otherwise than before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its id.
    pub id: String,
    /// Its question.
    pub question: String,
    /// The reply before.
    pub before: Reply,
    /// The reply now.
    pub after: Reply,
}

/// The experts nearest in routing to any of these keys, of those for which `stays` holds.
pub(crate) fn neighbors<'a>(
    entries: &[Entry],
    stays: impl Fn(usize) -> bool,
    keys: impl Iterator<Item = &'a Vec<f32>>,
) -> Vec<usize> {
    let staying: Vec<usize> = (0..entries.len()).filter(|&number| stays(number)).collect();
    let routing: Vec<_> = staying.iter().map(|&number| entries[number].item.routing.clone()).collect();
    let near: BTreeSet<usize> = keys.flat_map(|key| nearest(&routing, key, NEIGHBORS)).collect();
    near.into_iter().map(|near| staying[near]).collect()
}

/// What the pack replies to the questions of these experts.
///
/// # Errors
/// [`MemorizeError::Mome`] where the backbone could not be run or an object not be read.
pub(crate) fn ask(
    mome: &Mome,
    entries: &[Entry],
    numbers: &[usize],
    stage: Stage,
    progress: Progress<'_>,
) -> Result<Vec<Reply>, MemorizeError> {
    counted(progress, stage, numbers.len(), |done| {
        let ask = |&number: &usize| {
            let answer =
                pollster::block_on(mome.answer(&entries[number].question, &AnswerOptions::default()))?;
            done();
            let id = answer.facts.into_iter().next().map(|fact| fact.id);
            Ok(Reply { known: answer.known, text: answer.text, id })
        };
        side_by_side(numbers, ask)
    })
}

/// Those whose reply changed.
pub(crate) fn changes(
    entries: &[Entry],
    numbers: &[usize],
    before: Vec<Reply>,
    after: Vec<Reply>,
) -> Vec<Change> {
    let replies = numbers.iter().zip(before).zip(after).filter(|((_, before), after)| before != after);
    let change = |((&number, before), after): ((&usize, Reply), Reply)| {
        let Entry { id, question, .. } = &entries[number];
        Change { id: id.clone(), question: question.clone(), before, after }
    };
    replies.map(change).collect()
}
