//! From a table of facts to a pack: a selector is chosen, the facts are memorised one after another, their experts are
//! spread over shards, all is written, and the finished pack is asked every fact.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mome::gate::{Decision, decision};
use mome_engine::Executor;
use mome_pack::{
    BackboneReference, Counts, Digest, Expert, FORMAT, Leaf, Manifest, PackError, Root, Selector, Shard,
};
use serde::{Serialize, Serializer};

use crate::build_index::{BEAM, Item, Plan};
use crate::choose_selector::{Chosen, choose_selector};
use crate::journal::Journal;
use crate::make_experts::{Experts, Held, fitting, make_experts};
use crate::stage::{Progress, Stage, counted, whole};
use crate::verify::{open, unanswered};
use crate::write::{Objects, PackWriter, WriteError, seconds_since_1970};
use crate::{Fact, MemorizeError};

/// A backbone is published in parts of this many bytes.
const BACKBONE_PART: usize = 4 * 1024 * 1024;

/// Name of the file in a pack's folder that a run which was stopped goes on from.
pub(crate) const JOURNAL: &str = "memorising.partial";

/// Why a fact failed that is in the pack.
pub(crate) const UNANSWERED: &str = "the finished pack does not give its answer";

/// How a pack is to be made.
#[derive(Clone, Debug)]
pub struct MemorizeOptions {
    /// The pack's id.
    pub pack: String,
    /// The share of unknown questions that may be answered, unless the asker sets another.
    pub alpha: f64,
    /// Seed of all random choices: the same table and seed give the same pack.
    pub seed: u64,
    /// The selector that comes with the backbone: it is used as it is, or trained further where that pays. `None` trains
    /// one on the facts alone.
    pub selector: Option<Selector>,
}

/// What became of a table of facts. Field names are those of the JSON that `mome memorize --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Facts in the table.
    pub facts: usize,
    /// Facts that were done already: by an earlier run, which was stopped.
    pub resumed: usize,
    /// Facts of which every answer token reached the loss asked for.
    pub memorised: usize,
    /// Facts whose question the finished pack answers exactly.
    pub verified: usize,
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
    /// Whether the selector was trained on the pack's own wordings.
    pub selector_trained: bool,
    /// Wordings of a fact that questions are compared with, at most.
    pub searched: usize,
    /// How wordings that are not stored are decided on.
    pub gate: GateReport,
}

/// How wordings that are not stored are decided on, at the pack's alpha.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "calibrated_by", rename_all = "lowercase")]
pub enum GateReport {
    /// By the pack's own questions.
    Pack {
        /// Log odds above which they are answered.
        threshold: f32,
    },
    /// By those that came with the selector: the pack has too few wordings.
    Selector {
        /// Log odds above which they are answered.
        threshold: f32,
    },
    /// Nothing keeps the promise: they are not answered at all.
    Nothing,
}

impl GateReport {
    fn of(decision: Option<Decision<'_>>) -> Self {
        match decision.and_then(|decision| Some((decision.threshold?, decision.from_selector))) {
            Some((threshold, true)) => Self::Selector { threshold },
            Some((threshold, false)) => Self::Pack { threshold },
            None => Self::Nothing,
        }
    }
}

/// Memorises the facts and writes the pack to `out`, which is a pack only once all of it is there. A run that is
/// stopped leaves a journal in `out`; the next one with the same facts goes on from there, to the same bytes.
///
/// # Errors
/// [`MemorizeError`]. A fact that cannot be memorised is no error: it is left out and reported.
pub fn memorize(
    facts: &[Fact],
    (executor, backbone_file): (&Arc<dyn Executor>, &[u8]),
    out: &Path,
    options: &MemorizeOptions,
    progress: Progress<'_>,
) -> Result<Report, MemorizeError> {
    let started = Instant::now();
    let MemorizeOptions { alpha, seed, .. } = *options;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(MemorizeError::Alpha(alpha));
    }
    let (fitting, mut failed) = fitting(facts, executor.backbone());
    if fitting.is_empty() {
        return Err(MemorizeError::Nothing(failed));
    }
    let given = options.selector.as_ref();
    let selector_from = chosen_from(&fitting, given, seed)?;
    let mut journal = Journal::open(&out.join(JOURNAL), made_from(executor.as_ref(), &selector_from))?;

    let Chosen { selector, gate, how } =
        choose_selector(executor.as_ref(), &fitting, given, seed, &mut journal, progress)?;
    let made = make_experts(executor.as_ref(), (&selector, how.searched), &fitting, &mut journal, progress)?;
    let Experts { held, failed: not_held, resumed } = made;
    failed.extend(not_held);
    if held.is_empty() {
        journal.remove()?;
        return Err(MemorizeError::Nothing(failed));
    }
    let items: Vec<Item> = held.iter().map(|held| held.item.clone()).collect();
    let plan = whole(progress, Stage::Index, || Plan::new(&items, seed));

    let writer = PackWriter::new(out);
    let root = Root { beam: BEAM, leaves: write_leaves(&writer, &plan, &held, &mut journal, progress)? };
    let manifest = writer.publish(Manifest {
        format: FORMAT,
        pack: options.pack.clone(),
        sequence: 1,
        created: seconds_since_1970(),
        expires: None,
        backbone: write_backbone(&writer, executor.as_ref(), backbone_file)?,
        selector: writer.object(&selector.encode()?)?,
        root: writer.object(&root.encode()?)?,
        counts: Counts {
            facts: held.len() as u64,
            wordings: held.iter().map(|held| held.wordings as u64).sum(),
            shards: root.leaves.len() as u64,
        },
        searched: how.searched as u16,
        alpha,
        gate,
    })?;

    let asked: Vec<&Fact> = held.iter().map(|held| fitting[held.fact]).collect();
    let unanswered = unanswered(&open(out, executor)?, &asked, progress)?;
    journal.remove()?;
    let verified = held.len() - unanswered.len();
    failed.extend(unanswered.into_iter().map(|id| (id, UNANSWERED.to_owned())));
    let objects = Objects::of(&manifest, &root);
    Ok(Report {
        facts: facts.len(),
        resumed,
        memorised: held.len(),
        verified,
        failed,
        max_loss: held.iter().map(|held| held.loss).fold(0.0, f32::max),
        seconds: started.elapsed().as_secs_f64(),
        bytes: objects.bytes(),
        objects: objects.count(),
        selector_trained: how.trained,
        searched: how.searched,
        gate: GateReport::of(decision(manifest.gate.as_ref(), selector.gate.as_ref(), alpha)),
    })
}

pub(crate) fn ids_alone<S: Serializer>(
    failed: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(failed.iter().map(|(id, _)| id))
}

/// Digest of all that experts depend on beside their facts; `selector` says where the selector comes from.
pub(crate) fn made_from(executor: &dyn Executor, selector: &[u8]) -> Digest {
    let backbone = executor.backbone().digest().unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    Digest::of(
        &[&backbone[..], executor.device().as_bytes(), &[0], version.as_bytes(), &[0], selector].concat(),
    )
}

/// What the choice of a selector depends on beside the backbone.
fn chosen_from(facts: &[&Fact], given: Option<&Selector>, seed: u64) -> Result<Vec<u8>, PackError> {
    let given = given.map_or_else(|| Ok(Vec::new()), Selector::encode)?;
    Ok(seed
        .to_le_bytes()
        .into_iter()
        .chain(given)
        .chain(facts.iter().flat_map(|fact| fact.digest().0))
        .collect())
}

fn write_leaves(
    writer: &PackWriter,
    plan: &Plan,
    held: &[Held],
    journal: &mut Journal,
    progress: Progress<'_>,
) -> Result<Vec<Leaf>, MemorizeError> {
    counted(progress, Stage::Write, plan.shards.len(), |done| {
        let mut leaves = Vec::with_capacity(plan.shards.len());
        for (members, &centroid) in plan.shards.iter().zip(&plan.centroids) {
            let experts = members
                .iter()
                .map(|&member| Ok(Expert::decode(&journal.get(held[member].place)?)?))
                .collect::<Result<_, MemorizeError>>()?;
            leaves.push(Leaf { centroid, shard: writer.object(&Shard { experts }.encode()?)? });
            done();
        }
        Ok(leaves)
    })
}

fn write_backbone(
    writer: &PackWriter,
    executor: &dyn Executor,
    file: &[u8],
) -> Result<BackboneReference, WriteError> {
    let backbone = executor.backbone();
    Ok(BackboneReference {
        digest: Digest::of(file),
        name: backbone.name().to_owned(),
        architecture: backbone.config().architecture.clone(),
        hidden: backbone.config().hidden as u32,
        vocabulary: Digest(backbone.vocabulary_digest()),
        parts: file.chunks(BACKBONE_PART).map(|part| writer.object(part)).collect::<Result<_, _>>()?,
    })
}
