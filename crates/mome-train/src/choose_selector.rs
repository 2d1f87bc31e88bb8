//! The selector of a pack: the one that was given, or one that is trained on some of the facts.

use half::f16;
use mome::MomeError;
use mome::selection::{Reading, Selection};
use mome_engine::Executor;
use mome_pack::{Calibration, Digest, Expert, Gate, KEY_WIDTH, Selector, Slot, TARGET_SHARD, UnitVector};
use rand::SeedableRng as _;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::build_index::{Item, Plan};
use crate::calibrate::{FOLDS, Questions, Searchable, calibrate};
use crate::journal::Journal;
use crate::make_experts::{searched_wordings, unfilled_expert};
use crate::stage::{Progress, Stage, counted, whole};
use crate::training::Training;
use crate::wordings::Wordings;
use crate::{Fact, MemorizeError};

/// Layers that the selector reads, as shares of the backbone's depth: the embedding and an early layer keep the
/// word itself, one at two thirds the sense (docs/design.md, "Selection").
const READ_AT: [f64; 3] = [0.0, 1.0 / 6.0, 2.0 / 3.0];

/// Gradient steps of a selector.
const STEPS: usize = 300;

/// Facts that a selector is trained on. Of a larger table some are drawn: the states of all their wordings are in
/// memory at once.
const TRAINING_FACTS: usize = 2000;

/// A selector, and what its gate scores.
pub(crate) struct Chosen {
    /// The selector, its gate included where there is one.
    pub(crate) selector: Selector,
    /// Scores of calibration questions; `None` where there was nothing to calibrate on.
    pub(crate) calibration: Option<Calibration>,
}

/// The selector that is given, with its own gate and not calibrated; else the one in the journal; else one that is
/// trained and calibrated on some of the facts, and noted there.
///
/// # Errors
/// [`MemorizeError::Mome`] where the backbone could not be run, [`MemorizeError::Write`] where the journal cannot be
/// read or written.
pub(crate) fn choose_selector(
    executor: &dyn Executor,
    facts: &[&Fact],
    given: Option<&Selector>,
    seed: u64,
    journal: &mut Journal,
    progress: Progress<'_>,
) -> Result<Chosen, MemorizeError> {
    if let Some(selector) = given {
        return Ok(Chosen { selector: selector.clone(), calibration: None });
    }
    let [selector_name, calibration_name] =
        ["selector", "calibration"].map(|name| Digest::of(name.as_bytes()));
    if let (Some(selector), Some(calibration)) = (journal.find(selector_name), journal.find(calibration_name))
    {
        let selector = Selector::decode(&journal.get(selector)?)?;
        let calibration = serde_json::from_slice(&journal.get(calibration)?)?;
        return Ok(Chosen { selector, calibration });
    }
    let chosen = trained(executor, facts, seed, progress)?;
    journal.put(calibration_name, &serde_json::to_vec(&chosen.calibration)?)?;
    journal.put(selector_name, &chosen.selector.encode()?)?;
    Ok(chosen)
}

/// A selector that is trained and calibrated on some of the facts.
fn trained(
    executor: &dyn Executor,
    facts: &[&Fact],
    seed: u64,
    progress: Progress<'_>,
) -> Result<Chosen, MomeError> {
    let config = executor.backbone().config();
    let training = Training {
        layers: READ_AT.iter().map(|share| (share * config.layers as f64).round() as usize).collect(),
        hidden: config.hidden,
        steps: STEPS,
        seed,
    };
    let facts = some_facts(facts, seed);
    let count = facts.iter().map(|fact| fact.wordings.len()).sum();
    let wordings = counted(progress, Stage::Read, count, |done| {
        Wordings::trace(executor, &training.layers, &facts, done)
    })?;
    let questions = Questions::draw(&wordings, seed);
    let (selection, folds) = train(&training, &wordings, questions.as_ref(), progress);
    let calibrated = questions.map(|questions| {
        whole(progress, Stage::Calibrate, || {
            calibrate_on_folds(&facts, &wordings, &questions, &selection, &folds, seed)
        })
    });
    let (gate, calibration) = calibrated.unzip();
    Ok(Chosen { selector: Selector { gate, ..selection.selector().clone() }, calibration })
}

/// At most [`TRAINING_FACTS`] of the facts, in their order.
fn some_facts<'a>(facts: &[&'a Fact], seed: u64) -> Vec<&'a Fact> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = sample(&mut random, facts.len(), facts.len().min(TRAINING_FACTS)).into_vec();
    drawn.sort_unstable();
    drawn.into_iter().map(|fact| facts[fact]).collect()
}

/// The selector that ships, and one for each fold where there is something to calibrate on.
fn train(
    training: &Training,
    wordings: &Wordings,
    questions: Option<&Questions>,
    progress: Progress<'_>,
) -> (Selection, Vec<Selection>) {
    let folds: Vec<Option<usize>> = match questions {
        Some(_) => std::iter::once(None).chain((0..FOLDS).map(Some)).collect(),
        None => vec![None],
    };
    let mut trained = counted(progress, Stage::Train, folds.len() * training.steps, |done| {
        let one = |fold: &Option<usize>| match questions {
            Some(questions) => training.selector(wordings, &questions.skipped_by(wordings, *fold), done),
            None => training.selector(wordings, &|_| false, done),
        };
        folds.par_iter().map(|fold| Selection::new(one(fold))).collect::<Vec<_>>()
    });
    (trained.remove(0), trained)
}

/// The gate and its scores, on a pack of the facts that the selectors were trained on.
fn calibrate_on_folds(
    facts: &[&Fact],
    wordings: &Wordings,
    questions: &Questions,
    selection: &Selection,
    folds: &[Selection],
    seed: u64,
) -> (Gate, Calibration) {
    let readings = wordings.read(selection);
    let searched: Vec<Vec<usize>> = (0..facts.len())
        .into_par_iter()
        .map(|fact| searched_wordings(&own_readings(wordings, &readings, fact)))
        .collect();
    let kept: Vec<Vec<usize>> = searched
        .iter()
        .zip(&wordings.of)
        .map(|(searched, own)| searched.iter().map(|&wording| own[wording]).collect())
        .collect();
    let folds: Vec<(Searchable, Vec<Reading>)> = folds
        .iter()
        .map(|fold| {
            let readings = wordings.read(fold);
            let item = |fact: usize| {
                let tokens = wordings.traces[wordings.of[fact][0]].log_sums.len();
                item(facts[fact], &own_readings(wordings, &readings, fact), &searched[fact], tokens)
            };
            let items: Vec<Item> = (0..facts.len()).into_par_iter().map(item).collect();
            (Searchable::new(fold, &readings, &kept, Plan::new(&items, seed)), readings)
        })
        .collect();
    calibrate(questions, wordings, &folds)
}

/// What the wordings of a fact read like.
fn own_readings<'a>(wordings: &Wordings, readings: &'a [Reading], fact: usize) -> Vec<&'a Reading> {
    wordings.of[fact].iter().map(|&wording| &readings[wording]).collect()
}

/// What the index would see of a fact's expert, were it memorised with so many answer tokens.
fn item(fact: &Fact, readings: &[&Reading], searched: &[usize], tokens: usize) -> Item {
    let slot = Slot { key: UnitVector([0; KEY_WIDTH]), token: 0, strength: f16::ZERO };
    let expert = Expert { slots: vec![slot; tokens], ..unfilled_expert(fact, readings, searched) };
    let bytes = expert.encode().map_or(TARGET_SHARD, |bytes| bytes.len());
    Item::new(&expert, bytes)
}
