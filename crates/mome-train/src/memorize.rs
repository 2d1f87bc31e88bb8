//! From a table of facts to a pack.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mome::index::centroid;
use mome::memorise::{EPSILON, Memorised, memorise};
use mome::selection::{Reading, Selection, dot};
use mome::{AnswerOptions, Mome, MomeError, Pack, Store};
use mome_backbone::Backbone;
use mome_engine::{Executor, QueryProjection};
use mome_pack::{
    BackboneReference, Counts, Digest, Expert, FORMAT, Leaf, Manifest, PackError, Root, Selector, Shard,
    WordingHash,
};
use mome_store::StoreError;
use rayon::prelude::*;
use thiserror::Error;

use crate::Fact;
use crate::build_index::{BEAM, Item, Plan};
use crate::calibrate::{FOLDS, Questions, Searchable, calibrate};
use crate::training::Training;
use crate::wordings::Wordings;
use crate::write::{PackWriter, WriteError};

/// Layers that the selector reads, as shares of the backbone's depth: the embedding and an early layer keep the
/// word itself, one at two thirds the sense (docs/design.md, "Selection").
const READ_AT: [f64; 3] = [0.0, 1.0 / 6.0, 2.0 / 3.0];

/// Gradient steps of a selector.
const STEPS: usize = 300;

/// Wordings of a fact that are searched: those that cover the others.
const KEPT_WORDINGS: usize = 4;

/// A backbone is published in parts of this many bytes.
const BACKBONE_PART: usize = 4 * 1024 * 1024;

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

/// What memorising is busy with. With each comes how much is done, of how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Wordings go through the backbone.
    Read,
    /// Selectors are trained.
    Train,
    /// Facts get their slots.
    Memorise,
    /// The finished pack is asked every fact.
    Verify,
}

/// What became of a table of facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Facts in the table.
    pub facts: usize,
    /// Facts of which every answer token reached the loss asked for.
    pub memorised: usize,
    /// Facts whose question the finished pack answers exactly.
    pub verified: usize,
    /// Facts that failed, with the reason.
    pub failed: Vec<(String, String)>,
    /// The largest loss of a memorised token, in nats.
    pub max_loss: f32,
    /// How long it took.
    pub seconds: f64,
    /// Bytes of the pack's objects.
    pub bytes: u64,
    /// How many objects it has.
    pub objects: u64,
    /// The gate's threshold for the pack's alpha, in log odds; `None` where nothing could be calibrated.
    pub threshold: Option<f32>,
}

/// Why no pack was made.
#[derive(Debug, Error)]
pub enum MemorizeError {
    /// An alpha that is no share.
    #[error("alpha is {0}, but must lie between 0 and 1")]
    Alpha(f64),
    /// Not one fact could be memorised.
    #[error("no fact could be memorised; the first, {id}: {problem}")]
    Nothing {
        /// The first fact.
        id: String,
        /// Why it failed.
        problem: String,
    },
    /// The backbone could not be run, or the finished pack not be asked.
    #[error(transparent)]
    Mome(#[from] MomeError),
    /// The finished pack could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object could not be written in the pack's format.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Memorises the facts and writes the pack to `out`, which is a pack only once all of it is there.
///
/// # Errors
/// [`MemorizeError`]. A fact that cannot be memorised is no error: it is left out and reported.
pub fn memorize(
    facts: &[Fact],
    (executor, backbone_file): (&Arc<dyn Executor>, &[u8]),
    out: &Path,
    options: &MemorizeOptions,
    progress: &(impl Fn(Stage, u64, u64) + Sync),
) -> Result<Report, MemorizeError> {
    let started = Instant::now();
    if !(options.alpha > 0.0 && options.alpha < 1.0) {
        return Err(MemorizeError::Alpha(options.alpha));
    }
    let backbone = executor.backbone().clone();
    let (facts, mut failed) = fitting(facts, &backbone);
    let total = facts.len() + failed.len();
    if let (true, Some((id, problem))) = (facts.is_empty(), failed.first().cloned()) {
        return Err(MemorizeError::Nothing { id, problem });
    }
    let training = Training {
        layers: READ_AT
            .iter()
            .map(|share| (share * backbone.config().layers as f64).round() as usize)
            .collect(),
        hidden: backbone.config().hidden,
        steps: STEPS,
        seed: options.seed,
    };

    let count = facts.iter().map(|fact| fact.wordings.len() as u64).sum();
    let wordings = counted(Stage::Read, count, progress, |done| {
        Wordings::trace(executor.as_ref(), &training.layers, &facts, done)
    })
    .map_err(|(_, error)| error)?;
    let questions = Questions::draw(&wordings, options.seed);
    let (selection, folds) = train(&training, &wordings, questions.as_ref(), progress);
    let readings = wordings.read(&selection);
    let kept = kept_wordings(&wordings, &readings);

    let memorised = counted(Stage::Memorise, facts.len() as u64, progress, |done| {
        memorise_all(&facts, &backbone, &wordings, selection.selector(), done)
    });
    let experts: Vec<Expert> = facts
        .iter()
        .zip(&memorised)
        .zip(&kept)
        .map(|((fact, memorised), kept)| expert(fact, memorised, kept, &readings))
        .collect();
    let holds: Vec<bool> = memorised.iter().map(|memorised| memorised.loss <= EPSILON).collect();
    if let (Some(fact), false) = (facts.first(), holds.contains(&true)) {
        let problem = "its tokens do not reach the loss asked for".to_owned();
        return Err(MemorizeError::Nothing { id: fact.id.clone(), problem });
    }
    let sizes =
        experts.iter().map(|expert| Ok(expert.encode()?.len())).collect::<Result<Vec<_>, PackError>>()?;

    let plan = |readings: &[Reading]| Plan::new(&items(&wordings, readings, &kept, &sizes), options.seed);
    let calibrated = questions.as_ref().map(|questions| {
        let folds: Vec<(Searchable, Vec<Reading>)> = folds
            .into_iter()
            .map(|fold| {
                let readings = wordings.read(&fold);
                (Searchable::new(&fold, &readings, &kept, plan(&readings)), readings)
            })
            .collect();
        calibrate(questions, &wordings, &folds)
    });
    let (gate, calibration) = calibrated.unzip();
    let selector = Selector { gate, ..selection.selector().clone() };
    let plan = plan(&readings);

    let mut writer = PackWriter::new(out);
    let selector = writer.object(&selector.encode()?)?;
    let leaves = plan
        .shards
        .iter()
        .zip(&plan.centroids)
        .filter_map(|(shard, centroid)| {
            let held: Vec<Expert> =
                shard.iter().filter(|&&fact| holds[fact]).map(|&fact| experts[fact].clone()).collect();
            (!held.is_empty()).then_some((Shard { experts: held }, *centroid))
        })
        .map(|(shard, centroid)| Ok(Leaf { centroid, shard: writer.object(&shard.encode()?)? }))
        .collect::<Result<Vec<_>, MemorizeError>>()?;
    let shards = leaves.len() as u64;
    let root = writer.object(&Root { beam: BEAM, leaves }.encode()?)?;
    let parts =
        backbone_file.chunks(BACKBONE_PART).map(|part| writer.object(part)).collect::<Result<_, _>>()?;
    let manifest = Manifest {
        format: FORMAT,
        pack: options.pack.clone(),
        sequence: 1,
        created: seconds_since_1970(),
        expires: None,
        backbone: BackboneReference {
            digest: Digest::of(backbone_file),
            name: backbone.name().to_owned(),
            architecture: backbone.config().architecture.clone(),
            hidden: backbone.config().hidden as u32,
            vocabulary: Digest(backbone.vocabulary_digest()),
            parts,
        },
        selector,
        root,
        counts: Counts {
            facts: holds.iter().filter(|&&held| held).count() as u64,
            wordings: wordings.len() as u64,
            shards,
        },
        alpha: options.alpha,
        calibration,
    };
    writer.manifest(&next_edition(&writer, manifest.clone()).encode()?)?;

    for (fact, memorised) in facts.iter().zip(&memorised).filter(|(_, memorised)| memorised.loss > EPSILON) {
        let problem =
            format!("a token's loss stays at {:.3} nats; {EPSILON} was to be reached", memorised.loss);
        failed.push((fact.id.clone(), problem));
    }
    let verified = verify(&facts, &holds, executor, out, progress)?;
    let unverified =
        facts.iter().zip(&holds).zip(&verified).filter(|((_, held), verified)| **held && !**verified);
    for ((fact, _), _) in unverified {
        failed.push((fact.id.clone(), "the finished pack does not give its answer".to_owned()));
    }
    let (objects, bytes) = writer.size();
    let held_losses =
        memorised.iter().zip(&holds).filter(|(_, held)| **held).map(|(memorised, _)| memorised.loss);
    let calibration = manifest.calibration.as_ref();
    Ok(Report {
        facts: total,
        memorised: holds.iter().filter(|&&held| held).count(),
        verified: verified.iter().filter(|&&verified| verified).count(),
        failed,
        max_loss: held_losses.fold(0.0, f32::max),
        seconds: started.elapsed().as_secs_f64(),
        bytes,
        objects,
        threshold: calibration.and_then(|calibration| mome::gate::threshold(calibration, options.alpha)),
    })
}

/// The facts that fit the backbone, and those that do not with the reason.
fn fitting(facts: &[Fact], backbone: &Backbone) -> (Vec<Fact>, Vec<(String, String)>) {
    let (frame, tokenizer, context) = (backbone.frame(), backbone.tokenizer(), backbone.config().context);
    let problem = |fact: &Fact| {
        let answer = frame.answer(tokenizer, &fact.answer);
        if frame.text(tokenizer, &answer) != fact.answer {
            return Some("the tokenizer does not give the answer back as it is".to_owned());
        }
        let longest = fact.wordings.iter().map(|wording| frame.prompt(tokenizer, wording).tokens.len()).max();
        let length = longest.unwrap_or(0) + answer.len();
        (length > context)
            .then(|| format!("question and answer have {length} tokens, but the backbone reads {context}"))
    };
    let mut fitting = Vec::with_capacity(facts.len());
    let mut failed = Vec::new();
    for fact in facts {
        match problem(fact) {
            None => fitting.push(fact.clone()),
            Some(problem) => failed.push((fact.id.clone(), problem)),
        }
    }
    (fitting, failed)
}

/// The selector that ships, and one for each fold where there is something to calibrate on.
fn train(
    training: &Training,
    wordings: &Wordings,
    questions: Option<&Questions>,
    progress: &(impl Fn(Stage, u64, u64) + Sync),
) -> (Selection, Vec<Selection>) {
    let folds: Vec<Option<usize>> = match questions {
        Some(_) => std::iter::once(None).chain((0..FOLDS).map(Some)).collect(),
        None => vec![None],
    };
    let steps = (folds.len() * training.steps) as u64;
    let mut trained = counted(Stage::Train, steps, progress, |done| {
        let one = |fold: &Option<usize>| match questions {
            Some(questions) => training.selector(wordings, &questions.skipped_by(wordings, *fold), done),
            None => training.selector(wordings, &|_| false, done),
        };
        folds.par_iter().map(|fold| Selection::new(one(fold))).collect::<Vec<_>>()
    });
    (trained.remove(0), trained)
}

/// For each fact, the wordings that are searched: one after another, the one that most improves how near every
/// wording of the fact has a kept one.
fn kept_wordings(wordings: &Wordings, readings: &[Reading]) -> Vec<Vec<usize>> {
    let covered = |own: &[usize], kept: &[usize]| -> f32 {
        let nearest = |&wording: &usize| {
            let similarity = |&kept: &usize| dot(&readings[wording].routing, &readings[kept].routing);
            kept.iter().map(similarity).fold(-1.0, f32::max)
        };
        own.iter().map(nearest).sum()
    };
    let keep = |own: &Vec<usize>| {
        let mut kept: Vec<usize> = Vec::new();
        while kept.len() < own.len().min(KEPT_WORDINGS) {
            let with = |&wording: &usize| covered(own, &[kept.as_slice(), &[wording]].concat());
            let left = own.iter().copied().filter(|wording| !kept.contains(wording));
            let Some(best) = left.max_by(|a, b| with(a).total_cmp(&with(b)).then(b.cmp(a))) else { break };
            kept.push(best);
        }
        kept.sort_unstable();
        kept
    };
    wordings.of.par_iter().map(keep).collect()
}

fn memorise_all(
    facts: &[Fact],
    backbone: &Backbone,
    wordings: &Wordings,
    selector: &Selector,
    done: impl Fn() + Sync,
) -> Vec<Memorised> {
    let query = QueryProjection(selector.query.dequantise().into());
    facts
        .par_iter()
        .zip(&wordings.of)
        .map(|(fact, own)| {
            let answer = backbone.frame().answer(backbone.tokenizer(), &fact.answer);
            let traces: Vec<_> = own.iter().map(|&wording| &wordings.traces[wording]).collect();
            let memorised = memorise(&query, &selector.attention, &answer, &traces);
            done();
            memorised
        })
        .collect()
}

fn expert(fact: &Fact, memorised: &Memorised, kept: &[usize], readings: &[Reading]) -> Expert {
    let mut wordings: Vec<WordingHash> =
        fact.wordings.iter().map(|wording| WordingHash::of(wording)).collect();
    wordings.sort_unstable();
    wordings.dedup();
    Expert {
        id: fact.id.clone(),
        question: fact.wordings[0].clone(),
        source: fact.source.clone(),
        loss: memorised.loss,
        wordings,
        keys: kept.iter().map(|&wording| readings[wording].keys()).collect(),
        slots: memorised.slots.clone(),
    }
}

/// The experts as the index sees them.
fn items(wordings: &Wordings, readings: &[Reading], kept: &[Vec<usize>], sizes: &[usize]) -> Vec<Item> {
    let routing = |&wording: &usize| readings[wording].routing;
    let one = |((own, kept), &bytes): ((&Vec<usize>, &Vec<usize>), &usize)| Item {
        routing: centroid(kept.iter().map(|&wording| &readings[wording].routing)).dequantise(),
        wordings: own.iter().map(routing).collect(),
        bytes,
    };
    wordings.of.iter().zip(kept).zip(sizes).map(one).collect()
}

/// The manifest as the next edition of the pack that lies there; the one that lies there, where nothing changed.
fn next_edition(writer: &PackWriter, manifest: Manifest) -> Manifest {
    match writer.edition_there().filter(|there| there.pack == manifest.pack) {
        Some(there) => {
            let same = Manifest { sequence: there.sequence, created: there.created, ..manifest.clone() };
            if same == there { there } else { Manifest { sequence: there.sequence + 1, ..manifest } }
        }
        None => manifest,
    }
}

/// Asks the finished pack every fact that it holds, and says which were answered exactly.
fn verify(
    facts: &[Fact],
    holds: &[bool],
    executor: &Arc<dyn Executor>,
    out: &Path,
    progress: &(impl Fn(Stage, u64, u64) + Sync),
) -> Result<Vec<bool>, MemorizeError> {
    let store = Store::open(&out.to_string_lossy())?;
    let pack = pollster::block_on(Pack::open(store))?;
    let mome = Mome::new(pack, executor.clone(), None, None)?;
    counted(Stage::Verify, facts.len() as u64, progress, |done| {
        let ask = |(fact, held): (&Fact, &bool)| {
            let options = AnswerOptions::default();
            let answer = pollster::block_on(mome.answer(&fact.wordings[0], &options));
            done();
            Ok(*held && answer.map(|answer| answer.known && answer.text == fact.answer)?)
        };
        facts.par_iter().zip(holds).map(ask).collect()
    })
}

/// Runs `work`, which calls its argument after each of `total` items, and reports how far it is.
fn counted<T>(
    stage: Stage,
    total: u64,
    progress: &(impl Fn(Stage, u64, u64) + Sync),
    work: impl FnOnce(&(dyn Fn() + Sync)) -> T,
) -> T {
    let count = AtomicU64::new(0);
    progress(stage, 0, total);
    work(&|| progress(stage, count.fetch_add(1, Ordering::Relaxed) + 1, total))
}

/// The time stamp of a pack: `SOURCE_DATE_EPOCH` where it is set (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn seconds_since_1970() -> u64 {
    let set = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|epoch| epoch.parse().ok());
    set.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
