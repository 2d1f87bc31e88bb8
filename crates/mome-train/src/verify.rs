//! Asking of a finished pack, as a user would: whether every fact is answered exactly.

use std::path::Path;
use std::sync::Arc;

use mome::{AnswerOptions, Mome, Pack, Store};
use mome_engine::Executor;
use rayon::prelude::*;

use crate::stage::{Progress, Stage, counted};
use crate::{Fact, MemorizeError};

/// Opens the pack in this directory.
///
/// # Errors
/// [`MemorizeError::Store`] or [`MemorizeError::Mome`] where it cannot be read.
pub(crate) fn open(directory: &Path, executor: &Arc<dyn Executor>) -> Result<Mome, MemorizeError> {
    let store = Store::open(&directory.to_string_lossy())?;
    let pack = pollster::block_on(Pack::open(store))?;
    Ok(Mome::new(pack, executor.clone(), None, None)?)
}

/// Asks the pack each of these facts, and gives the ids of those that were not answered exactly.
///
/// # Errors
/// [`MemorizeError::Mome`] where the backbone could not be run or an object not be read.
pub(crate) fn unanswered(
    mome: &Mome,
    facts: &[&Fact],
    progress: Progress<'_>,
) -> Result<Vec<String>, MemorizeError> {
    let answered = counted(progress, Stage::Verify, facts.len(), |done| {
        let ask = |fact: &&Fact| {
            let answer = pollster::block_on(mome.answer(&fact.wordings[0], &AnswerOptions::default()));
            done();
            answer.map(|answer| answer.known && answer.text == fact.answer)
        };
        facts.par_iter().map(ask).collect::<Result<Vec<bool>, _>>()
    })?;
    let unanswered = facts.iter().zip(answered).filter(|(_, answered)| !answered);
    Ok(unanswered.map(|(fact, _)| fact.id.clone()).collect())
}
