//! Facts that a pack is to hold no longer.

use std::collections::{BTreeSet, HashSet};

use mome::Mome;
use serde::Serialize;
use web_time::Instant;

use super::edition::{ReviseOptions, Revised, Revision};
use super::neighbors::{Reply, ask};
use crate::MemorizeError;
use crate::files::Target;
use crate::progress::{Progress, Stage};

/// What became of a pack. Field names are those of the JSON that `mome forget` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForgetReport {
    /// Facts that were removed.
    pub forgotten: usize,
    /// Those of them whose question is answered all the same, from another fact.
    pub still_answered: Vec<StillAnswered>,
    /// How long it took.
    pub seconds: f64,
    /// The pack after the change.
    #[serde(flatten)]
    pub pack: Revised,
}

/// A fact that was removed and whose question is answered from another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StillAnswered {
    /// Id of the fact that was removed.
    pub id: String,
    /// Its question.
    pub question: String,
    /// The reply to it.
    pub reply: Reply,
}

/// Removes the facts with these ids from the pack in `target`, which `mome` asks.
///
/// # Errors
/// [`MemorizeError::NotThere`] where there is no fact with one of the ids, and what reading and writing report. The pack
/// is then as it was.
pub fn forget(
    ids: &[String],
    mome: &Mome,
    target: &dyn Target,
    options: ReviseOptions,
    progress: Progress<'_>,
) -> Result<ForgetReport, MemorizeError> {
    let started = Instant::now();
    let revision = Revision::new(mome, target, options, progress)?;
    let ids: BTreeSet<&String> = ids.iter().collect();
    let (there, missing): (Vec<_>, Vec<_>) =
        ids.into_iter().map(|id| (id, revision.catalog.number(id))).partition(|(_, number)| number.is_some());
    if !missing.is_empty() {
        return Err(MemorizeError::NotThere(missing.into_iter().map(|(id, _)| id.clone()).collect()));
    }
    let gone: HashSet<usize> = there.into_iter().filter_map(|(_, number)| number).collect();
    let (pack, after) = revision.publish(&gone, &[], |_| unreachable!("nothing comes in"))?;

    let entries = &revision.catalog.entries;
    let mut numbers: Vec<usize> = gone.iter().copied().collect();
    numbers.sort_unstable();
    let replies = ask(&after, entries, &numbers, Stage::Verify, progress)?;
    let answered = numbers.iter().zip(replies).filter(|(_, reply)| reply.known);
    let still_answered = answered.map(|(&number, reply)| {
        let entry = &entries[number];
        StillAnswered { id: entry.id.clone(), question: entry.question.clone(), reply }
    });
    Ok(ForgetReport {
        forgotten: gone.len(),
        still_answered: still_answered.collect(),
        seconds: started.elapsed().as_secs_f64(),
        pack,
    })
}
