//! Calibration without outside data: a wording that no selector trained on, its own keys hidden, is a known
//! question; with its whole fact hidden, and read by a selector that never saw the fact, an unknown one of the
//! hardest kind.

use std::collections::HashSet;

use half::f16;
use mome::gate::threshold;
use mome::index::nearest;
use mome::matching::WordingKeys;
use mome::search::{ExpertKeys, search};
use mome::selection::{Reading, Selection};
use mome_pack::{
    CalibratedGate, Calibration, Expert, GATE_FEATURES, Gate, KEY_WIDTH, KnownScores, ROUTING_WIDTH, Slot,
    TARGET_SHARD, UnitVector,
};
use rand::seq::index::sample;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Fact;
use crate::build_index::{BEAM, Item, Plan};
use crate::corpus::Corpus;
use crate::logistic::{self, Labelled};
use crate::make_experts::unfilled_expert;

/// Parts that the facts fall into, where the selector is trained on them; each is left out of one selector.
pub(crate) const FOLDS: usize = 4;

/// The most wordings that are asked, as known questions and as unknown ones.
const MOST: usize = 2000;

/// Fewer known questions than this fit no gate; and so many are enough to.
const FEWEST: usize = 40;
const ENOUGH_TO_FIT: usize = 500;

/// The share of questions that are taken to be about something else than the pack's facts. Confidence is a probability
/// under this share; thresholds do not depend on it.
const ASKED_IN_VAIN: f64 = 0.2;

/// Answer tokens that an expert is taken to have, as long as it is not memorised: the index goes by size.
const ANSWER: usize = 6;

/// Which wordings are asked to calibrate a gate, and which facts are left out of which selector.
#[derive(Clone, Debug)]
pub(crate) struct Questions {
    /// Wordings that are asked with only their own keys hidden, in ascending order. No selector trains on them.
    pub(crate) known: Vec<usize>,
    /// Wordings that are asked with their whole fact hidden, of a selector that never saw it.
    pub(crate) unknown: Vec<usize>,
    /// For each fact, the selector that does not see it.
    pub(crate) fold: Vec<usize>,
}

/// Some facts as a pack would hold them, but for the slots, and how one selector reads them.
pub(crate) struct Memory<'a> {
    corpus: &'a Corpus,
    selection: &'a Selection,
    readings: &'a [Reading],
    /// For each fact, its keys, and which wording each belongs to.
    keys: Vec<(ExpertKeys, Vec<usize>)>,
    plan: Plan,
    centroids: Vec<[f32; ROUTING_WIDTH]>,
}

/// The gate's features of the best expert for a question, and whether it is the right one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example {
    features: [f32; GATE_FEATURES],
    right: bool,
}

/// What became of the wordings that were asked, each with its fact: some facts fit the gate, the others calibrate it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    known: Vec<(usize, Example)>,
    unknown: Vec<(usize, Example)>,
}

impl Questions {
    /// Draws at most a quarter of each fact's wordings as known questions, of facts that can spare one, and any as
    /// unknown ones; `None` where too few can.
    pub(crate) fn draw(corpus: &Corpus, seed: u64) -> Option<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let spare = corpus.of.iter().filter(|own| own.len() > 2);
        let mut known: Vec<usize> = spare
            .flat_map(|own| own.sample(&mut random, (own.len() / 4).max(1)).copied().collect::<Vec<_>>())
            .collect();
        known.shuffle(&mut random);
        known.truncate(MOST);
        known.sort_unstable();
        let fold = corpus.of.iter().map(|_| random.random_range(0..FOLDS)).collect();
        let unknown = sample(&mut random, corpus.fact.len(), corpus.fact.len().min(MOST)).into_vec();
        (known.len() >= FEWEST).then_some(Self { known, unknown, fold })
    }

    /// Whether a wording must be kept from the selector of a fold; from the one that ships (`None`) only those that
    /// are asked.
    pub(crate) fn skipped_by(&self, corpus: &Corpus, fold: Option<usize>) -> impl Fn(usize) -> bool + Sync {
        let asked: HashSet<usize> = self.known.iter().copied().collect();
        let left_out: Vec<bool> =
            corpus.fact.iter().map(|&fact| fold.is_some_and(|fold| self.fold[fact] == fold)).collect();
        move |wording| asked.contains(&wording) || left_out[wording]
    }

    /// Asks all of them. An unknown question is read by the selector that never saw its fact, a known one by one that
    /// did; where there is a single memory, its selector saw none of the facts and reads both.
    pub(crate) fn ask(&self, folds: &[Memory<'_>]) -> Asked {
        let fact = |wording: usize| folds[0].corpus.fact[wording];
        let unseen_by = |wording: usize| self.fold[fact(wording)] % folds.len();
        let seen_by = |wording: usize| (unseen_by(wording) + folds.len() - 1) % folds.len();
        let known = |&wording: &usize| Some((fact(wording), folds[seen_by(wording)].ask(wording, false)?));
        let unknown = |&wording: &usize| Some((fact(wording), folds[unseen_by(wording)].ask(wording, true)?));
        Asked {
            known: self.known.par_iter().filter_map(known).collect(),
            unknown: self.unknown.par_iter().filter_map(unknown).collect(),
        }
    }
}

impl Asked {
    /// Adds what became of others.
    pub(crate) fn extend(&mut self, others: Self) {
        self.known.extend(others.known);
        self.unknown.extend(others.unknown);
    }

    /// Those that fit a gate, and those that set its thresholds: of other facts. Half and half; but a few hundred are
    /// enough to fit it, and thresholds for a small alpha stand on a few of many.
    fn parted(&self) -> [Self; 2] {
        let parts = (self.known.len() / ENOUGH_TO_FIT).clamp(2, 4);
        [true, false].map(|fits| {
            let part = |all: &[(usize, Example)]| {
                all.iter().filter(|(fact, _)| fact.is_multiple_of(parts) == fits).copied().collect()
            };
            Self { known: part(&self.known), unknown: part(&self.unknown) }
        })
    }
}

impl<'a> Memory<'a> {
    /// Puts the facts into memory; of the readings of a fact's wordings `searched` says which are searched.
    pub(crate) fn new(
        facts: &[&Fact],
        corpus: &'a Corpus,
        selection: &'a Selection,
        readings: &'a [Reading],
        searched: impl Fn(&[&Reading]) -> Vec<usize> + Sync,
        seed: u64,
    ) -> Self {
        let of_fact = |fact: usize| {
            let own: Vec<&Reading> = corpus.of[fact].iter().map(|&wording| &readings[wording]).collect();
            let searched = searched(&own);
            let slot = Slot { key: UnitVector([0; KEY_WIDTH]), token: 0, strength: f16::ZERO };
            let expert =
                Expert { slots: vec![slot; ANSWER], ..unfilled_expert(facts[fact], &own, &searched) };
            let bytes = expert.encode().map_or(TARGET_SHARD, |bytes| bytes.len());
            let keys = searched.iter().map(|&wording| WordingKeys::new(&own[wording].keys())).collect();
            let wordings = searched.iter().map(|&wording| corpus.of[fact][wording]).collect();
            ((ExpertKeys { wordings: keys }, wordings), Item::new(&expert, bytes))
        };
        let (keys, items): (Vec<_>, Vec<_>) = (0..facts.len()).into_par_iter().map(of_fact).unzip();
        let plan = Plan::new(&items, seed);
        let centroids = plan.centroids.iter().map(UnitVector::dequantise).collect();
        Self { corpus, selection, readings, keys, plan, centroids }
    }

    /// Asks a wording as a question, through index and beam. `hide_fact` hides all keys of its fact, else only its
    /// own. `None` where nothing is left to find.
    fn ask(&self, wording: usize, hide_fact: bool) -> Option<Example> {
        let (fact, reading) = (self.corpus.fact[wording], &self.readings[wording]);
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
        let candidates = search(reading, self.selection, &experts, hidden);
        let right = |expert: usize| !hide_fact && near[expert] == fact;
        candidates.first().map(|best| Example { features: best.features, right: right(best.expert) })
    }

    /// What a gate scores on the facts' questions, each with its fact hidden: unknown questions of a table that has no
    /// wordings to spare.
    pub(crate) fn scores_without_their_facts(&self, gate: &Gate) -> Vec<f32> {
        let score = |own: &Vec<usize>| self.ask(own[0], true).map(|example| gate.log_odds(&example.features));
        self.corpus.of.par_iter().filter_map(score).collect()
    }
}

/// Fits a gate on the questions of some facts, and scores those of the others.
pub(crate) fn fit(asked: &Asked) -> CalibratedGate {
    let [fits, calibrates] = asked.parted();
    let labelled = |examples: &[(usize, Example)], share: f64| {
        let weight = share / examples.len().max(1) as f64;
        let one = |(_, example): &(usize, Example)| Labelled {
            features: example.features,
            flag: example.right,
            weight,
        };
        examples.iter().map(one).collect::<Vec<_>>()
    };
    let (known, unknown) =
        (labelled(&fits.known, 1.0 - ASKED_IN_VAIN), labelled(&fits.unknown, ASKED_IN_VAIN));
    let fitted = logistic::fit(&[known, unknown].concat());
    let gate = Gate { weights: fitted.weights, bias: fitted.bias };

    let score = |(_, example): &(usize, Example)| gate.log_odds(&example.features);
    let calibration = Calibration {
        unknown: calibrates.unknown.iter().map(score).collect(),
        known: KnownScores {
            count: calibrates.known.len() as u64,
            wrong: calibrates.known.iter().filter(|(_, example)| !example.right).map(score).collect(),
        },
    };
    CalibratedGate { gate, calibration }
}

/// The share of known questions that are answered right at this alpha, of those that calibrated the gate; 0 where
/// they are too few for a threshold.
pub(crate) fn coverage(calibrated: &CalibratedGate, asked: &Asked, alpha: f64) -> f64 {
    let Some(threshold) = threshold(&calibrated.calibration, alpha) else { return 0.0 };
    let [_, calibrates] = asked.parted();
    let answered = |(_, example): &&(usize, Example)| {
        example.right && calibrated.gate.log_odds(&example.features) > threshold
    };
    calibrates.known.iter().filter(answered).count() as f64 / calibrates.known.len().max(1) as f64
}
