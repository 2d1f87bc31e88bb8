//! The selector of a pack: the one that comes with the backbone, or that one trained further on the pack's own
//! wordings, where they are enough and held-out wordings fare better with it; and the gate that goes with it.

use mome::selection::{Reading, Selection};
use mome_engine::Executor;
use mome_pack::{CalibratedGate, Calibration, Digest, Selector};
use rand::SeedableRng as _;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::calibrate::{Asked, FOLDS, Memory, Questions, coverage, fit};
use crate::corpus::Corpus;
use crate::device::training_device;
use crate::episode::EPISODE_FACTS;
use crate::journal::Journal;
use crate::layers::find_layers;
use crate::make_experts::searched_wordings;
use crate::query::{query_steps, running_text, train_query};
use crate::stage::{Progress, Stage, counted, whole};
use crate::training::{Training, plain_selector};
use crate::wordings::Wordings;
use crate::{Fact, MemorizeError};

/// Gradient steps of a pack's own selector, from the one that comes with the backbone on: so many that each fact is
/// asked about this often, within these bounds.
const ASKED_A_FACT: usize = 20;
const FEWEST_STEPS: usize = 300;
const MOST_STEPS: usize = 1000;

/// Gradient steps from plain similarity on.
const STEPS_AFRESH: usize = 900;

/// The most wordings of a fact in memory, in training.
const MOST_KEYS: usize = 6;

/// Facts that a selector is trained on. Of a larger table some are drawn: the states of all their wordings are in
/// memory at once.
const TRAINING_FACTS: usize = 2000;

/// Wordings of a fact that are searched: more are taken where they bring at least the gain, in held-out questions
/// answered right.
pub(crate) const SEARCHED_WORDINGS: [usize; 4] = [4, 8, 16, 24];
const WORTH_MORE: f64 = 0.01;

/// What a selector of the pack's own must bring to be kept, in held-out questions answered right.
const WORTH_TRAINING: f64 = 0.005;

/// Levels alpha over which held-out questions answered right are averaged: at a single one a few questions decide.
const COMPARED_AT: [f64; 5] = [0.01, 0.02, 0.05, 0.1, 0.2];

/// Facts that a table without wordings to spare needs for its own scores of unknown questions.
const FACTS_FOR_SCORES: usize = 200;

/// A selector, the pack's own gate, and how experts are to be made with it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) selector: Selector,
    pub(crate) gate: Option<CalibratedGate>,
    pub(crate) how: How,
}

/// How a selector was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct How {
    /// Whether it was trained on the pack's own wordings.
    pub trained: bool,
    /// Wordings of a fact that are searched.
    pub searched: usize,
}

/// The selector, by the journal if it is there; else chosen by some of the facts, and noted there. `given` comes with
/// the backbone; where there is none, one is trained from plain similarity on.
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
    let [selector_name, rest_name] = ["selector", "gate"].map(|name| Digest::of(name.as_bytes()));
    if let (Some(selector), Some(rest)) = (journal.find(selector_name), journal.find(rest_name)) {
        let selector = Selector::decode(&journal.get(selector)?)?;
        let (gate, how) = serde_json::from_slice(&journal.get(rest)?)?;
        return Ok(Chosen { selector, gate, how });
    }
    let some = some_facts(facts, seed);
    let chosen = match given {
        Some(given) => {
            let corpus = read(executor, &layers_of(given), &some, seed, progress)?;
            from_given(&some, &corpus, given, seed, progress)
        }
        None => afresh(executor, &some, seed, progress)?,
    };
    journal.put(rest_name, &serde_json::to_vec(&(&chosen.gate, chosen.how))?)?;
    journal.put(selector_name, &chosen.selector.encode()?)?;
    Ok(chosen)
}

/// The given selector as it is, or trained further.
fn from_given(
    facts: &[&Fact],
    corpus: &Corpus,
    given: &Selector,
    seed: u64,
    progress: Progress<'_>,
) -> Chosen {
    let Some(questions) = Questions::draw(corpus, seed) else {
        return without_questions(facts, corpus, given, seed);
    };
    let as_it_is = whole(progress, Stage::Calibrate, || {
        let ask = |searched| calibrated(facts, corpus, &[given], &questions, searched, seed);
        best_searched(corpus, ask)
    });
    let steps = (facts.len() * ASKED_A_FACT / EPISODE_FACTS).clamp(FEWEST_STEPS, MOST_STEPS);
    let selectors = trained(corpus, given, steps, &questions, seed, progress);
    let further = whole(progress, Stage::Calibrate, || {
        let folds: Vec<&Selector> = selectors[1..].iter().collect();
        let ask = |searched| calibrated(facts, corpus, &folds, &questions, searched, seed);
        best_searched(corpus, ask)
    });
    let trained = further.coverage > as_it_is.coverage + WORTH_TRAINING;
    let (selector, best) = if trained { (&selectors[0], further) } else { (given, as_it_is) };
    let how = How { trained, searched: best.searched };
    Chosen { selector: selector.clone(), gate: Some(best.gate), how }
}

/// The given selector for facts that have no wordings to spare. Are they many, their questions show what unknown
/// questions score among them; of known ones the gate that comes with the selector must tell.
fn without_questions(facts: &[&Fact], corpus: &Corpus, given: &Selector, seed: u64) -> Chosen {
    let how = How { trained: false, searched: SEARCHED_WORDINGS[0] };
    let own = given.gate.as_ref().filter(|_| facts.len() >= FACTS_FOR_SCORES).map(|calibrated| {
        let selection = Selection::new(given.clone());
        let readings = corpus.readings(&selection);
        let searched = |own: &[&Reading]| searched_wordings(own, how.searched);
        let memory = Memory::new(facts, corpus, &selection, &readings, searched, seed);
        let unknown = memory.scores_without_their_facts(&calibrated.gate);
        let calibration = Calibration { unknown, known: calibrated.calibration.known.clone() };
        CalibratedGate { gate: calibrated.gate, calibration }
    });
    Chosen { selector: given.clone(), gate: own, how }
}

/// A selector for a backbone that comes with none: which layers it reads is measured, W_query trained, and the rest
/// where the wordings are enough.
fn afresh(
    executor: &dyn Executor,
    facts: &[&Fact],
    seed: u64,
    progress: Progress<'_>,
) -> Result<Chosen, MemorizeError> {
    let start = untrained_selector(executor, facts, seed, progress)?;
    let corpus = read(executor, &layers_of(&start), facts, seed, progress)?;
    let how = How { trained: true, searched: SEARCHED_WORDINGS[0] };
    let Some(questions) = Questions::draw(&corpus, seed) else {
        let training =
            Training { steps: STEPS_AFRESH, most_keys: MOST_KEYS, seed, device: training_device() };
        let selector = counted(progress, Stage::Train, training.steps, |done| {
            training.train(&start, &[&corpus], |_, _| false, |_| done())
        });
        return Ok(Chosen { selector, gate: None, how });
    };
    let mut selectors = trained(&corpus, &start, STEPS_AFRESH, &questions, seed, progress);
    let best = whole(progress, Stage::Calibrate, || {
        let folds: Vec<&Selector> = selectors[1..].iter().collect();
        let ask = |searched| calibrated(facts, &corpus, &folds, &questions, searched, seed);
        best_searched(&corpus, ask)
    });
    let how = How { searched: best.searched, ..how };
    Ok(Chosen { selector: selectors.swap_remove(0), gate: Some(best.gate), how })
}

/// Plain similarity in the layers where it finds the most, with a W_query that is trained.
///
/// # Errors
/// [`MemorizeError::Mome`] where the backbone could not be run.
pub(crate) fn untrained_selector(
    executor: &dyn Executor,
    facts: &[&Fact],
    seed: u64,
    progress: Progress<'_>,
) -> Result<Selector, MemorizeError> {
    let layers = whole(progress, Stage::Layers, || find_layers(executor, facts, seed))?;
    let count = facts.iter().map(|fact| fact.wordings.len()).sum();
    let traced =
        counted(progress, Stage::Read, count, |done| Wordings::trace(executor, &layers, facts, done))?;
    let text = running_text(executor, facts, seed)?;
    let hidden = executor.backbone().config().hidden;
    let query = counted(progress, Stage::Train, query_steps(&traced), |done| {
        train_query(&traced, &text, hidden, seed, done)
    });
    let corpus = Corpus::read(executor, &layers, facts, None, || ())?;
    Ok(plain_selector(&layers, hidden, query, &[&corpus], seed))
}

/// The layers that a selector reads.
pub(crate) fn layers_of(selector: &Selector) -> Vec<usize> {
    selector.layers.iter().map(|&layer| layer as usize).collect()
}

/// At most [`TRAINING_FACTS`] of the facts, in their order.
fn some_facts<'a>(facts: &[&'a Fact], seed: u64) -> Vec<&'a Fact> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = sample(&mut random, facts.len(), facts.len().min(TRAINING_FACTS)).into_vec();
    drawn.sort_unstable();
    drawn.into_iter().map(|fact| facts[fact]).collect()
}

fn read(
    executor: &dyn Executor,
    layers: &[usize],
    facts: &[&Fact],
    seed: u64,
    progress: Progress<'_>,
) -> Result<Corpus, MemorizeError> {
    let count = facts.iter().map(|fact| fact.wordings.len()).sum();
    let corpus = counted(progress, Stage::Read, count, |done| {
        Corpus::read(executor, layers, facts, Some(seed), done)
    })?;
    Ok(corpus)
}

/// The selector that ships, and one for each fold.
fn trained(
    corpus: &Corpus,
    start: &Selector,
    steps: usize,
    questions: &Questions,
    seed: u64,
    progress: Progress<'_>,
) -> Vec<Selector> {
    let folds: Vec<Option<usize>> = std::iter::once(None).chain((0..FOLDS).map(Some)).collect();
    counted(progress, Stage::Train, folds.len() * steps, |done| {
        let one = |fold: &Option<usize>| {
            let training = Training { steps, most_keys: MOST_KEYS, seed, device: training_device() };
            let skip = questions.skipped_by(corpus, *fold);
            training.train(start, &[corpus], |_, wording| skip(wording), |_| done())
        };
        folds.par_iter().map(one).collect()
    })
}

/// A gate with what came of the questions that made it.
struct Fitted {
    gate: CalibratedGate,
    asked: Asked,
}

/// Asks the questions of a memory in which each fact has so many wordings searched, and fits the gate.
fn calibrated(
    facts: &[&Fact],
    corpus: &Corpus,
    folds: &[&Selector],
    questions: &Questions,
    searched: usize,
    seed: u64,
) -> Fitted {
    let selections: Vec<Selection> = folds.iter().map(|&fold| Selection::new(fold.clone())).collect();
    let readings: Vec<_> = selections.iter().map(|selection| corpus.readings(selection)).collect();
    let memories: Vec<Memory<'_>> = selections
        .iter()
        .zip(&readings)
        .map(|(selection, readings)| {
            let searched = |own: &[&Reading]| searched_wordings(own, searched);
            Memory::new(facts, corpus, selection, readings, searched, seed)
        })
        .collect();
    let asked = questions.ask(&memories);
    Fitted { gate: fit(&asked), asked }
}

/// How many wordings to search, with what comes of it.
struct Best {
    searched: usize,
    gate: CalibratedGate,
    coverage: f64,
}

/// The fewest searched wordings that are worth their bytes.
fn best_searched(corpus: &Corpus, ask: impl Fn(usize) -> Fitted) -> Best {
    let most = corpus.of.iter().map(Vec::len).max().unwrap_or(0);
    let measure = |searched: usize| {
        let Fitted { gate, asked } = ask(searched);
        let at = COMPARED_AT.map(|alpha| coverage(&gate, &asked, alpha));
        Best { searched, coverage: at.iter().sum::<f64>() / at.len() as f64, gate }
    };
    let mut best = measure(SEARCHED_WORDINGS[0]);
    for searched in SEARCHED_WORDINGS.into_iter().skip(1).filter(|&searched| searched / 2 < most) {
        let more = measure(searched);
        if more.coverage > best.coverage + WORTH_MORE {
            best = more;
        }
    }
    best
}
