//! Episodes: what a selector is trained on at one step. A few facts of one table are in memory, each with some of its
//! wordings, others are left out, and all of them are asked. So it learns to find what is there, and to tell when it
//! is not.

use mome::index::nearest;
use mome::selection::Selection;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::corpus::{Corpus, ReadWording};

/// Facts in an episode.
pub(crate) const EPISODE_FACTS: usize = 40;

/// The share of them that come with their neighbours: whole neighbourhoods of this many facts.
const NEIGHBOURLY: f64 = 0.75;
const NEIGHBOURS: usize = 10;

/// Episodes between two searches for neighbours, and the most facts that are searched.
const MINING: usize = 200;
const MINED: usize = 2000;

/// Shares of facts that are asked without being in memory, of questions that are asked as retyped, and of facts that a
/// question made from them is put beside.
const HIDDEN: f64 = 0.5;
const AS_RETYPED: f64 = 0.5;
const OPPOSED: f64 = 0.3;

/// One step's questions and memory.
pub(crate) struct Episode<'a> {
    /// One question for each fact.
    pub(crate) asked: Vec<&'a ReadWording>,
    /// Which of the facts are in memory.
    pub(crate) known: Vec<bool>,
    /// The wordings in memory.
    pub(crate) keys: Vec<&'a ReadWording>,
    /// Which fact each of them is a wording of; made ones are facts of their own, numbered after the others.
    pub(crate) owner: Vec<usize>,
}

/// Which wordings of a table may be trained on, and what lies near what.
pub(crate) struct Lessons<'a> {
    corpus: &'a Corpus,
    /// For each fact that has any, its wordings.
    facts: Vec<Vec<usize>>,
    /// Neighbourhoods of facts.
    near: Vec<Vec<usize>>,
    mined: Option<usize>,
    /// The most wordings of a fact that are in memory at once.
    most_keys: usize,
}

impl<'a> Lessons<'a> {
    /// The wordings for which `skip` does not hold.
    pub(crate) fn new(corpus: &'a Corpus, most_keys: usize, skip: impl Fn(usize) -> bool) -> Self {
        let left = |own: &Vec<usize>| own.iter().copied().filter(|&wording| !skip(wording)).collect();
        let facts = corpus.of.iter().map(left).filter(|own: &Vec<usize>| !own.is_empty()).collect();
        Self { corpus, facts, near: Vec::new(), mined: None, most_keys }
    }

    /// How often this table is drawn from, next to others: large ones more often, but not in proportion.
    pub(crate) fn weight(&self) -> f64 {
        (self.facts.len() as f64).sqrt()
    }

    /// Whether a question can be asked in other words than those in memory.
    pub(crate) fn is_empty(&self) -> bool {
        let retyped = |wording: &usize| !self.corpus.retyped[*wording].is_empty();
        !self.facts.iter().any(|own| own.len() > 1 || own.iter().any(retyped))
    }

    /// An episode at this step of training, by a selector as it is now.
    pub(crate) fn episode(
        &mut self,
        step: usize,
        selection: impl FnOnce() -> Selection,
        random: &mut ChaCha8Rng,
    ) -> Episode<'a> {
        let is_stale = self.mined.is_none_or(|mined| step >= mined + MINING);
        if self.facts.len() > EPISODE_FACTS * 3 / 2 && is_stale {
            self.mine(&selection(), random);
            self.mined = Some(step);
        }
        let chosen = self.choose(random);
        let most_keys = random.random_range(1..=self.most_keys);
        let mut episode = Episode { asked: vec![], known: vec![], keys: vec![], owner: vec![] };
        let mut made = chosen.len();
        for (number, &fact) in chosen.iter().enumerate() {
            let mut own = self.facts[fact].clone();
            own.shuffle(random);
            let (asked, others) = self.question(&own, random);
            episode.asked.push(asked);
            let known = !random.random_bool(HIDDEN);
            episode.known.push(known);
            if known {
                for &wording in others.iter().take(most_keys) {
                    episode.keys.push(&self.corpus.wordings[wording]);
                    episode.owner.push(number);
                }
            }
            if random.random_bool(OPPOSED) {
                let opposed: Vec<usize> =
                    own.iter().flat_map(|&wording| self.corpus.opposed[wording].clone()).collect();
                if !opposed.is_empty() {
                    let one = opposed[random.random_range(0..opposed.len())];
                    episode.keys.push(&self.corpus.made[one]);
                    episode.owner.push(made);
                    made += 1;
                }
            }
        }
        episode
    }

    /// The question that is asked of a fact with these wordings, and the wordings that may be in memory. A fact with a
    /// single wording is asked by a retyped one.
    fn question<'o>(&self, own: &'o [usize], random: &mut ChaCha8Rng) -> (&'a ReadWording, &'o [usize]) {
        let retyped = self.corpus.retyped[own[0]].clone();
        let others = if own.len() > 1 { &own[1..] } else { own };
        if !retyped.is_empty() && (own.len() == 1 || random.random_bool(AS_RETYPED)) {
            return (&self.corpus.made[random.random_range(retyped)], others);
        }
        (&self.corpus.wordings[own[0]], others)
    }

    /// The facts of an episode, each once: whole neighbourhoods first, then others at random.
    fn choose(&self, random: &mut ChaCha8Rng) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::with_capacity(EPISODE_FACTS);
        let neighbourhoods = (EPISODE_FACTS as f64 * NEIGHBOURLY) as usize / NEIGHBOURS;
        for _ in 0..neighbourhoods.min(self.near.len()) {
            let near = &self.near[random.random_range(0..self.near.len())];
            let fresh: Vec<usize> = near.iter().copied().filter(|fact| !chosen.contains(fact)).collect();
            chosen.extend(fresh);
        }
        let mut others: Vec<usize> = (0..self.facts.len()).collect();
        let (others, _) = others.partial_shuffle(random, 2 * EPISODE_FACTS);
        let fresh: Vec<usize> = others.iter().copied().filter(|fact| !chosen.contains(fact)).collect();
        chosen.extend(fresh);
        chosen.truncate(EPISODE_FACTS);
        chosen
    }

    /// Finds the neighbourhoods of some facts, by their first wordings.
    fn mine(&mut self, selection: &Selection, random: &mut ChaCha8Rng) {
        let mut facts: Vec<usize> = (0..self.facts.len()).collect();
        let (facts, _) = facts.partial_shuffle(random, MINED);
        let reading = |&fact: &usize| self.corpus.wordings[self.facts[fact][0]].reading(selection).routing;
        let keys: Vec<_> = facts.par_iter().map(reading).collect();
        let near = |key| nearest(&keys, key, NEIGHBOURS).into_iter().map(|near| facts[near]).collect();
        self.near = keys.par_iter().map(near).collect();
    }
}
