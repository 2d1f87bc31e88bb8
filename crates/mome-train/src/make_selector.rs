//! Making of the selector that comes with a backbone: trained once on many tables of facts, less some facts of each, on
//! which its gate is fitted and calibrated. It serves packs of any size without training.

use mome::selection::{Reading, Selection};
use mome_engine::Executor;
use mome_pack::Selector;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::calibrate::{Asked, Memory, Questions, coverage, fit};
use crate::choose_selector::{layers_of, untrained_selector};
use crate::corpus::Corpus;
use crate::device::training_device;
use crate::stage::{Progress, Stage, counted, whole};
use crate::training::Training;
use crate::{Fact, MemorizeError};

/// Wordings of a fact in memory, in training: few, so that it learns to do without many.
const MOST_KEYS: usize = 2;

/// Facts that layers and W_query are found on.
const START_FACTS: usize = 1500;

/// A table with so few facts is a small pack: every so many of them are kept out whole.
const SMALL: usize = 50;
const SMALL_KEPT_OUT: usize = 8;

/// Of larger ones every so many facts are kept out.
const KEPT_OUT: usize = 10;

/// The most facts of a table that are asked to calibrate the gate, so that large tables do not decide alone.
const ASKED_FACTS: usize = 100;

/// Wordings that the facts asked have in memory: as a table without paraphrases, and as one with a few.
const IN_MEMORY: [usize; 2] = [1, 3];

/// How a selector is to be made.
#[derive(Clone, Debug)]
pub struct SelectorOptions {
    /// Gradient steps.
    pub steps: usize,
    /// Seed of all random choices: the same tables and seed give the same selector.
    pub seed: u64,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelectorReport {
    /// The layers that it reads.
    pub layers: Vec<u32>,
    /// Facts trained on.
    pub facts: usize,
    /// Facts kept out.
    pub kept_out: usize,
    /// Known questions that its gate was calibrated on.
    pub known: u64,
    /// Unknown ones.
    pub unknown: u64,
    /// Share of those known that are answered right at alpha 1 %, and at 5 %.
    pub right_at_1_percent: f64,
    /// See there.
    pub right_at_5_percent: f64,
}

/// A table that is trained on, and its facts that are not.
struct Split<'a> {
    facts: Vec<&'a Fact>,
    /// For each fact, whether it is kept out.
    kept_out: Vec<bool>,
}

/// Makes a selector from tables of facts.
///
/// # Errors
/// [`MemorizeError::Mome`] where the backbone could not be run.
pub fn make_selector(
    executor: &dyn Executor,
    tables: &[Vec<Fact>],
    options: &SelectorOptions,
    progress: Progress<'_>,
) -> Result<(Selector, SelectorReport), MemorizeError> {
    let splits = split(tables);
    let start = {
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        let trained = splits.iter().flat_map(|split| split.facts(false)).collect::<Vec<_>>();
        let some: Vec<&Fact> = trained.sample(&mut random, START_FACTS).copied().collect();
        untrained_selector(executor, &some, options.seed, progress)?
    };
    let layers = layers_of(&start);
    let count = tables.iter().flatten().map(|fact| fact.wordings.len()).sum();
    let corpora = counted(progress, Stage::Read, count, |done| {
        let read =
            |split: &Split<'_>| Corpus::read(executor, &layers, &split.facts, Some(options.seed), done);
        splits.iter().map(read).collect::<Result<Vec<_>, _>>()
    })?;
    let trained = counted(progress, Stage::Train, options.steps, |done| {
        let training = Training {
            steps: options.steps,
            most_keys: MOST_KEYS,
            seed: options.seed,
            device: training_device(),
        };
        let skip = |table: usize, wording: usize| {
            let corpus: &Corpus = &corpora[table];
            splits[table].kept_out[corpus.fact[wording]]
        };
        training.train(&start, &corpora.iter().collect::<Vec<_>>(), skip, |_| done())
    });
    let selection = Selection::new(trained.clone());
    let asked = counted(progress, Stage::Calibrate, splits.len(), |done| {
        let mut asked = Asked::default();
        for (number, split) in splits.iter().enumerate() {
            ask_kept_out(executor, &selection, split, options.seed ^ number as u64, &mut asked)?;
            done();
        }
        Ok::<_, MemorizeError>(asked)
    })?;
    let gate = whole(progress, Stage::Calibrate, || fit(&asked));
    let right = |alpha: f64| coverage(&gate, &asked, alpha);
    let kept_out = splits.iter().map(|split| split.facts(true).len()).sum();
    let report = SelectorReport {
        layers: trained.layers.clone(),
        facts: tables.iter().map(Vec::len).sum::<usize>() - kept_out,
        kept_out,
        known: gate.calibration.known.count,
        unknown: gate.calibration.unknown.len() as u64,
        right_at_1_percent: right(0.01),
        right_at_5_percent: right(0.05),
    };
    Ok((Selector { gate: Some(gate), ..trained }, report))
}

/// Which facts are kept out: of small tables some whole ones, of large ones some facts of each.
fn split(tables: &[Vec<Fact>]) -> Vec<Split<'_>> {
    let mut small = 0;
    let mut split = Vec::with_capacity(tables.len());
    for table in tables {
        let whole = table.len() <= SMALL;
        small += usize::from(whole);
        let out = |fact: usize| {
            if whole { small.is_multiple_of(SMALL_KEPT_OUT) } else { fact.is_multiple_of(KEPT_OUT) }
        };
        let kept_out = (0..table.len()).map(out).collect();
        split.push(Split { facts: table.iter().collect(), kept_out });
    }
    split
}

impl<'a> Split<'a> {
    /// The facts that are kept out, or those that are not.
    fn facts(&self, kept_out: bool) -> Vec<&'a Fact> {
        let facts = self.facts.iter().zip(&self.kept_out);
        facts.filter(|(_, out)| **out == kept_out).map(|(fact, _)| *fact).collect()
    }
}

/// Asks the facts of a table that were kept out, as a pack of their own: those of their wordings that are not in memory.
/// What became of them is added to `asked`.
fn ask_kept_out(
    executor: &dyn Executor,
    selection: &Selection,
    split: &Split<'_>,
    seed: u64,
    asked: &mut Asked,
) -> Result<(), MemorizeError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let facts: Vec<&Fact> = split.facts(true).sample(&mut random, ASKED_FACTS).copied().collect();
    if facts.len() < 2 {
        return Ok(());
    }
    let corpus = Corpus::read(executor, &selection.layers(), &facts, None, || ())?;
    let readings = corpus.readings(selection);
    for in_memory in IN_MEMORY {
        let first = |own: &[&Reading]| (0..own.len().min(in_memory)).collect();
        let memory = Memory::new(&facts, &corpus, selection, &readings, first, seed);
        let rest: Vec<usize> = corpus.of.iter().flat_map(|own| own.iter().skip(in_memory).copied()).collect();
        let questions = Questions { known: rest.clone(), unknown: rest, fold: vec![0; facts.len()] };
        asked.extend(questions.ask(&[memory]));
    }
    Ok(())
}
