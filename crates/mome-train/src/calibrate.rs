//! Calibration without outside data: a wording that no selector trained on, its own keys hidden, is a known
//! question; with its whole fact hidden, and read by a selector that never saw the fact, an unknown one of the
//! hardest kind.

use std::collections::HashSet;

use mome::index::nearest;
use mome::search::{ExpertKeys, WordingKeys, search};
use mome::selection::{Reading, Selection};
use mome_pack::{Calibration, GATE_FEATURES, Gate, KnownScores, ROUTING_WIDTH, UnitVector};
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::build_index::{BEAM, Plan};
use crate::logistic;
use crate::wordings::Wordings;

/// Parts that the facts fall into; each is left out of one selector.
pub const FOLDS: usize = 4;

/// The most wordings that are asked.
const MOST: usize = 2000;

/// Fewer wordings than this fit no gate.
const FEWEST: usize = 40;

/// Which wordings are asked to calibrate the gate, and which facts are left out of which selector.
#[derive(Clone, Debug)]
pub struct Questions {
    /// The wordings that are asked, in ascending order. No selector trains on them.
    pub wordings: Vec<usize>,
    /// For each fact, the selector that does not see it.
    pub fold: Vec<usize>,
}

/// A pack as calibration sees it: what ships, but for the slots.
pub struct Searchable {
    mix: [f32; 3],
    /// For each fact, its keys, and which wording each belongs to.
    keys: Vec<(ExpertKeys, Vec<usize>)>,
    plan: Plan,
    centroids: Vec<[f32; ROUTING_WIDTH]>,
}

/// The gate's features of one calibration question, and whether the best expert was the right one.
type Example = ([f32; GATE_FEATURES], bool);

impl Questions {
    /// Draws at most a quarter of each fact's wordings, of facts that can spare one; `None` where too few can.
    #[must_use]
    pub fn draw(wordings: &Wordings, seed: u64) -> Option<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let spare = wordings.of.iter().filter(|own| own.len() > 2);
        let mut drawn: Vec<usize> = spare
            .flat_map(|own| own.sample(&mut random, (own.len() / 4).max(1)).copied().collect::<Vec<_>>())
            .collect();
        drawn.shuffle(&mut random);
        drawn.truncate(MOST);
        drawn.sort_unstable();
        let fold = wordings.of.iter().map(|_| random.random_range(0..FOLDS)).collect();
        (drawn.len() >= FEWEST).then_some(Self { wordings: drawn, fold })
    }

    /// Whether a wording must be kept from the selector of a fold; from the one that ships (`None`) only those that
    /// are asked.
    pub fn skipped_by(&self, wordings: &Wordings, fold: Option<usize>) -> impl Fn(usize) -> bool + Sync {
        let asked: HashSet<usize> = self.wordings.iter().copied().collect();
        let left_out: Vec<bool> =
            wordings.fact.iter().map(|&fact| fold.is_some_and(|fold| self.fold[fact] == fold)).collect();
        move |wording| asked.contains(&wording) || left_out[wording]
    }
}

impl Searchable {
    /// Puts together the keys that each fact keeps (`kept`: their wordings) and the plan of the shards.
    #[must_use]
    pub fn new(selection: &Selection, readings: &[Reading], kept: &[Vec<usize>], plan: Plan) -> Self {
        let keys = |own: &Vec<usize>| {
            let wordings = own.iter().map(|&wording| WordingKeys::new(&readings[wording].keys())).collect();
            (ExpertKeys { wordings }, own.clone())
        };
        Self {
            mix: selection.selector().mix,
            keys: kept.par_iter().map(keys).collect(),
            centroids: plan.centroids.iter().map(UnitVector::dequantise).collect(),
            plan,
        }
    }

    /// Asks a wording as a question, through index and beam. `hide_fact` hides all keys of its fact, else only its
    /// own. `None` where nothing is left to find.
    fn ask(&self, reading: &Reading, wording: usize, fact: usize, hide_fact: bool) -> Option<Example> {
        let mut near: Vec<usize> = nearest(&self.centroids, &reading.routing, BEAM.into())
            .into_iter()
            .flat_map(|shard| self.plan.shards[shard].iter().copied())
            .collect();
        near.sort_unstable();
        near.dedup();
        let experts: Vec<&ExpertKeys> = near.iter().map(|&near| &self.keys[near].0).collect();
        let hidden = |expert: usize, key: usize| {
            near[expert] == fact && (hide_fact || self.keys[fact].1[key] == wording)
        };
        let candidates = search(reading, self.mix, &experts, hidden);
        candidates.first().map(|best| (best.features, near[best.expert] == fact))
    }
}

/// Fits the gate on the questions of half the facts, and scores those of the other half.
///
/// `folds[f]` is what the selector made without the facts of fold `f` finds, with the readings of all wordings.
#[must_use]
pub fn calibrate(
    questions: &Questions,
    wordings: &Wordings,
    folds: &[(Searchable, Vec<Reading>)],
) -> (Gate, Calibration) {
    let ask = |wording: usize, fold: usize, hide_fact: bool| {
        let (searchable, readings) = &folds[fold];
        searchable.ask(&readings[wording], wording, wordings.fact[wording], hide_fact)
    };
    // An unknown question is read by the selector that never saw its fact; a known one by one that did.
    let asked: Vec<(usize, Option<Example>, Option<Example>)> = questions
        .wordings
        .par_iter()
        .map(|&wording| {
            let fold = questions.fold[wordings.fact[wording]];
            let known = ask(wording, (fold + FOLDS - 1) % FOLDS, false);
            (wordings.fact[wording], known, ask(wording, fold, true).map(|(features, _)| (features, false)))
        })
        .collect();
    let fits_gate = |fact: usize| fact.is_multiple_of(2);
    let examples: Vec<Example> = asked
        .iter()
        .filter(|(fact, ..)| fits_gate(*fact))
        .flat_map(|(_, known, unknown)| [*known, *unknown])
        .flatten()
        .collect();
    let fitted = logistic::fit(&examples);
    let gate = Gate { weights: fitted.weights, bias: fitted.bias };

    let rest = || asked.iter().filter(|(fact, ..)| !fits_gate(*fact));
    let score = |(features, _): &Example| gate.log_odds(features);
    let known: Vec<&Example> = rest().filter_map(|(_, known, _)| known.as_ref()).collect();
    let wrong = known.iter().filter(|(_, right)| !right).map(|example| score(example)).collect();
    let calibration = Calibration {
        unknown: rest().filter_map(|(.., unknown)| unknown.as_ref()).map(score).collect(),
        known: KnownScores { count: known.len() as u64, wrong },
    };
    (gate, calibration)
}
