//! Asking of a finished pack, as a user would: whether every fact is answered exactly in every stored wording.

use std::sync::Arc;

use mome::{AnswerOptions, Mome, Pack, Reader};
use mome_engine::Executor;

use crate::files::Target;
use crate::progress::{Progress, Stage, counted};
use crate::side_by_side::side_by_side;
use crate::{Fact, MemorizeError};

/// Why a fact failed that is in the pack.
pub(crate) const UNANSWERED: &str = "the finished pack does not give its answer";

/// Opens the pack that was written.
///
/// # Errors
/// [`MemorizeError::Store`] or [`MemorizeError::Mome`] where it cannot be read.
pub(crate) fn open(
    target: &dyn Target,
    executor: &Arc<dyn Executor>,
    reader: Arc<dyn Reader>,
) -> Result<Mome, MemorizeError> {
    let pack = pollster::block_on(Pack::open(target.store()?))?;
    Ok(Mome::new(pack, reader, executor.clone(), None, None)?)
}

/// Asks the pack each stored wording of these facts, and gives the ids of those that were not answered exactly.
///
/// # Errors
/// [`MemorizeError::Mome`] where a model could not be run or an object not be read.
pub(crate) fn unanswered(
    mome: &Mome,
    facts: &[&Fact],
    progress: Progress<'_>,
) -> Result<Vec<String>, MemorizeError> {
    let wordings: usize = facts.iter().map(|fact| fact.wordings.len()).sum();
    let answered = counted(progress, Stage::Verify, wordings, |done| {
        let ask = |fact: &&Fact, wording: &String| {
            let answer = pollster::block_on(mome.answer(wording, &AnswerOptions::default()));
            done();
            answer.map(|answer| answer.known && answer.text == fact.answer)
        };
        let all = |fact: &&Fact| {
            let answers = fact.wordings.iter().map(|wording| ask(fact, wording));
            answers.collect::<Result<Vec<bool>, _>>().map(|answered| answered.into_iter().all(|it| it))
        };
        side_by_side(facts, all)
    })?;
    let unanswered = facts.iter().zip(answered).filter(|(_, answered)| !answered);
    Ok(unanswered.map(|(fact, _)| fact.id.clone()).collect())
}
