//! Further facts for a pack that is there, with its own models. A fact whose id is there already takes
//! the place of the old one.

use std::collections::{HashMap, HashSet};

use mome::Mome;
use mome_backbone::Backbone;
use mome_pack::{Digest, Expert, WordingHash};
use serde::Serialize;
use web_time::Instant;

use super::catalog::Catalog;
use super::edition::{Coming, ReviseOptions, Revised, Revision};
use crate::files::{Journal, Target};
use crate::memorize::experts::{Experts, Held, fitting, made_from, make_experts};
use crate::memorize::ids_alone;
use crate::memorize::verify::{UNANSWERED, unanswered};
use crate::progress::Progress;
use crate::{Fact, MemorizeError};

/// What became of the facts. Field names are those of the JSON that `mome memorize --into` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntoReport {
    /// Facts in the table.
    pub facts: usize,
    /// Facts that were done already: by an earlier run, which was stopped.
    pub resumed: usize,
    /// Facts that are new to the pack.
    pub added: usize,
    /// Facts that took the place of one with the same id.
    pub replaced: usize,
    /// Facts that the pack had as they are.
    pub unchanged: usize,
    /// Facts of the table that the pack now answers exactly.
    pub verified: usize,
    /// Facts that failed, with the reason; in JSON their ids alone.
    #[serde(serialize_with = "ids_alone")]
    pub failed: Vec<(String, String)>,
    /// The largest loss of a memorised token, in nats.
    pub max_loss: f32,
    /// How long it took.
    pub seconds: f64,
    /// The pack after the change.
    #[serde(flatten)]
    pub pack: Revised,
}

/// Memorises the facts into the pack in `target`, which `mome` asks. The experts of other facts are not touched.
///
/// # Errors
/// [`MemorizeError`], and then the pack is as it was: also where a fact contradicts one that is there, or where one
/// that should be replaced cannot be. A new fact that cannot be memorised is no error: it is left out and reported.
pub fn memorize_into(
    facts: &[Fact],
    mome: &Mome,
    target: &dyn Target,
    options: ReviseOptions,
    progress: Progress<'_>,
) -> Result<IntoReport, MemorizeError> {
    let started = Instant::now();
    let revision = Revision::new(mome, target, options, progress)?;
    let catalog = &revision.catalog;
    let executor = mome.executor();
    let (fitting, mut failed) = fitting(facts, executor.backbone());
    check_edits(catalog, &failed)?;
    if fitting.is_empty() {
        return Err(MemorizeError::Nothing(failed));
    }
    check_answers(catalog, &fitting, executor.backbone())?;

    let (reader, query) = (mome.reader().as_ref(), mome.pack().query());
    let made_from = made_from(executor.as_ref(), reader.description(), query)?;
    let mut journal = Journal::open(target, made_from)?;
    let made = make_experts(executor.as_ref(), reader, query, &fitting, &mut journal, progress)?;
    let Experts { held, failed: not_held, resumed } = made;
    failed.extend(not_held);
    let refused = check_edits(catalog, &failed).err();
    let nothing = held.is_empty().then(|| MemorizeError::Nothing(failed.clone()));
    if let Some(error) = refused.or(nothing) {
        journal.remove()?;
        return Err(error);
    }

    let mut gone = HashSet::new();
    let mut coming = Vec::new();
    for held in &held {
        match catalog.number(&fitting[held.fact].id) {
            Some(there) if catalog.entries[there].digest == Digest::of(&journal.get(held.place)?) => {
                continue;
            }
            Some(there) => {
                gone.insert(there);
            }
            None => (),
        }
        coming.push(held);
    }
    let items: Vec<Coming> =
        coming.iter().map(|held| Coming { item: held.item.clone(), wordings: held.wordings }).collect();
    let read = |number: usize| Ok(Expert::decode(&journal.get(coming[number].place)?, catalog.layout)?);
    let (pack, after) = revision.publish(&gone, &items, read)?;

    let asked: Vec<&Fact> = held.iter().map(|held| fitting[held.fact]).collect();
    let unanswered = unanswered(&after, &asked, progress)?;
    journal.remove()?;
    let verified = held.len() - unanswered.len();
    failed.extend(unanswered.into_iter().map(|id| (id, UNANSWERED.to_owned())));
    Ok(IntoReport {
        facts: facts.len(),
        resumed,
        added: coming.len() - gone.len(),
        replaced: gone.len(),
        unchanged: held.len() - coming.len(),
        verified,
        failed,
        max_loss: held.iter().map(|held: &Held| held.loss).fold(0.0, f32::max),
        seconds: started.elapsed().as_secs_f64(),
        pack,
    })
}

/// Refuses where a fact failed that is in the pack: what the pack says of it would no longer be so.
fn check_edits(catalog: &Catalog, failed: &[(String, String)]) -> Result<(), MemorizeError> {
    match failed.iter().find(|(id, _)| catalog.number(id).is_some()) {
        Some((id, problem)) => Err(MemorizeError::Edit { id: id.clone(), problem: problem.clone() }),
        None => Ok(()),
    }
}

/// Refuses facts that answer a question otherwise than a fact that stays in the pack.
fn check_answers(catalog: &Catalog, facts: &[&Fact], backbone: &Backbone) -> Result<(), MemorizeError> {
    let ids: HashSet<&str> = facts.iter().map(|fact| fact.id.as_str()).collect();
    let mut questions: HashMap<WordingHash, (&str, &Fact)> = HashMap::new();
    for &fact in facts {
        questions
            .extend(fact.wordings.iter().map(|wording| (WordingHash::of(wording), (wording.as_str(), fact))));
    }
    for entry in catalog.entries.iter().filter(|entry| !ids.contains(entry.id.as_str())) {
        for (question, fact) in entry.wordings.iter().filter_map(|wording| questions.get(wording)) {
            if backbone.frame().answer(backbone.tokenizer(), &fact.answer) != entry.answer {
                return Err(MemorizeError::TwoAnswers {
                    question: (*question).to_owned(),
                    coming: fact.id.clone(),
                    there: entry.id.clone(),
                });
            }
        }
    }
    Ok(())
}
