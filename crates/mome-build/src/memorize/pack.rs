//! From a table of facts to a pack: the facts are memorised one after another, their experts are spread over shards, the
//! gate is calibrated, all is written, and the finished pack is asked every stored wording.

use mome_pack::{Counts, Expert, FORMAT, Manifest};
use mome_retrieval::Reader;
use mome_retrieval::gate::{Decision, Thresholds, decision};
use serde::{Serialize, Serializer};
use web_time::Instant;

use super::closed_form_query::make_query;
use super::experts::{Experts, fitting, made_from, make_experts};
use super::verify::{UNANSWERED, open, unanswered};
use crate::calibrate::{CalibrationOptions, CalibrationReport, calibrate};
use crate::files::{
    Journal, Objects, PackWriter, Target, WrittenIndex, seconds_since_1970, write_backbone, write_index,
    write_reader,
};
use crate::index::{Item, Plan};
use crate::models::Models;
use crate::progress::{Progress, Stage, whole};
use crate::{Fact, MemorizeError};

/// How a pack is to be made.
#[derive(Clone, Debug)]
pub struct MemorizeOptions {
    /// The pack's id.
    pub pack: String,
    /// The share of unknown questions that may be answered, unless the asker sets another.
    pub alpha: f64,
    /// Seed of all random choices: the same table and seed give the same pack.
    pub seed: u64,
}

/// What became of a table of facts. Field names are those of the JSON that `mome memorize --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Facts in the table.
    pub facts: usize,
    /// Facts that were done already: by an earlier run, which was stopped.
    pub resumed: usize,
    /// Facts of which every answer token reached the loss asked for.
    #[serde(rename = "memorised")]
    pub memorized: usize,
    /// Facts that the finished pack answers exactly, asked in every stored wording.
    pub verified: usize,
    /// Stored wordings of which the reader keeps only the beginning.
    pub cut: Vec<String>,
    /// Facts that failed, with the reason; in JSON their ids alone.
    #[serde(serialize_with = "ids_alone")]
    pub failed: Vec<(String, String)>,
    /// The largest loss of a memorised token, in nats.
    pub max_loss: f32,
    /// How long it took.
    pub seconds: f64,
    /// Bytes of the pack's objects.
    pub bytes: u64,
    /// How many objects it has.
    pub objects: u64,
    /// How wordings that are not stored are decided on.
    pub gate: GateReport,
    /// What calibrated the pack's own gate; `None` where it has none.
    pub calibration: Option<CalibrationReport>,
}

/// How wordings that are not stored are decided on, at the pack's alpha.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "calibrated_by", rename_all = "lowercase")]
pub enum GateReport {
    /// By the pack's own questions.
    Pack(Thresholds),
    /// By those that came with the reader, of one kind at least: the pack has too few.
    Reader(Thresholds),
    /// Nothing keeps the promise: they are not answered at all.
    Nothing,
}

impl GateReport {
    fn of(decision: Option<Decision>) -> Self {
        match decision.and_then(|decision| decision.thresholds) {
            Some(thresholds) if thresholds.own => Self::Pack(thresholds),
            Some(thresholds) => Self::Reader(thresholds),
            None => Self::Nothing,
        }
    }
}

/// Memorises the facts and writes the pack to `target`, which is a pack only once all of it is there. A run that is
/// stopped leaves a journal in its folder; the next one with the same facts goes on from there, to the same bytes.
///
/// # Errors
/// [`MemorizeError`]. A fact that cannot be memorised is no error: it is left out and reported.
pub fn memorize(
    facts: &[Fact],
    models: &Models,
    target: &dyn Target,
    options: &MemorizeOptions,
    progress: Progress<'_>,
) -> Result<Report, MemorizeError> {
    let started = Instant::now();
    let MemorizeOptions { alpha, seed, .. } = *options;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(MemorizeError::Alpha(alpha));
    }
    models.check_query()?;
    let (executor, reader) = (models.executor.as_ref(), models.reader.as_ref());
    let (fitting, mut failed) = fitting(facts, executor.backbone());
    if fitting.is_empty() {
        return Err(MemorizeError::Nothing(failed));
    }
    let query = match &models.query {
        Some(query) => query.clone(),
        None => make_query(executor, &fitting, seed, progress)?,
    };
    let mut journal = Journal::open(target, made_from(executor, reader.description(), &query)?)?;
    let made = make_experts(executor, reader, &query, &fitting, &mut journal, progress)?;
    let Experts { held, failed: not_held, resumed } = made;
    failed.extend(not_held);
    if held.is_empty() {
        journal.remove()?;
        return Err(MemorizeError::Nothing(failed));
    }
    let items: Vec<Item> = held.iter().map(|held| held.item.clone()).collect();
    let plan = whole(progress, Stage::Index, || Plan::new(&items, seed));
    let (gate, calibration) = calibrate(
        models,
        &fitting,
        &held,
        &plan,
        &mut journal,
        CalibrationOptions { alpha, seed },
        progress,
    )?;

    let writer = PackWriter::new(target);
    let layout = reader.description().layout();
    let held_experts = |members: &[usize]| {
        let expert = |&member: &usize| Ok(Expert::decode(&journal.get(held[member].place)?, layout)?);
        members.iter().map(expert).collect()
    };
    let WrittenIndex { root, link: root_link, .. } =
        write_index(&writer, &plan, layout, |_| None, held_experts, progress)?;
    let manifest = writer.publish(Manifest {
        format: FORMAT,
        pack: options.pack.clone(),
        sequence: 1,
        created: seconds_since_1970(),
        expires: None,
        backbone: write_backbone(&writer, models)?,
        reader: write_reader(&writer, models)?,
        query: writer.object(&query.encode()?)?,
        root: root_link,
        counts: Counts {
            facts: held.len() as u64,
            wordings: held.iter().map(|held| held.wordings as u64).sum(),
            shards: root.lists.len() as u64,
        },
        alpha,
        gate,
    })?;

    let asked: Vec<&Fact> = held.iter().map(|held| fitting[held.fact]).collect();
    let mome = open(target, &models.executor, models.reader.clone())?;
    let unanswered = unanswered(&mome, &asked, progress)?;
    journal.remove()?;
    let verified = held.len() - unanswered.len();
    failed.extend(unanswered.into_iter().map(|id| (id, UNANSWERED.to_owned())));
    let objects = Objects::of(&manifest, &root);
    Ok(Report {
        facts: facts.len(),
        resumed,
        memorized: held.len(),
        verified,
        cut: held.iter().flat_map(|held| cut_wordings(fitting[held.fact], reader)).collect(),
        failed,
        max_loss: held.iter().map(|held| held.loss).fold(0.0, f32::max),
        seconds: started.elapsed().as_secs_f64(),
        bytes: objects.bytes(),
        objects: objects.count(),
        gate: GateReport::of(decision(manifest.gate.as_ref(), models.reader_gate.as_ref(), alpha)),
        calibration,
    })
}

/// The wordings of a fact that the reader does not keep whole.
fn cut_wordings<'a>(fact: &'a Fact, reader: &'a dyn Reader) -> impl Iterator<Item = String> + 'a {
    fact.wordings.iter().filter(|wording| reader.cuts(wording)).cloned()
}

/// Writes the ids of facts that failed, without the reasons.
pub(crate) fn ids_alone<S: Serializer>(
    failed: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(failed.iter().map(|(id, _)| id))
}
