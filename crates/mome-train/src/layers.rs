//! Which layers of a backbone a selector reads, found by measurement.

use mome::MomeError;
use mome::matching::WordingKeys;
use mome::search::{ExpertKeys, search};
use mome::selection::Selection;
use mome_engine::Executor;
use mome_pack::{KEY_WIDTH, Projection};
use rayon::prelude::*;

use crate::Fact;
use crate::corpus::{Corpus, ReadWording};
use crate::training::plain_selector;

/// How many layers are read.
const LAYERS: usize = 3;

/// Layers that are tried: the embedding and others evenly spread. More would cost more than they tell.
const TRIED: usize = 8;

/// Facts whose wordings are asked.
const FACTS: usize = 300;

/// Facts that must have two wordings for a measurement.
const FEWEST: usize = 20;

/// What is read where nothing can be measured, as shares of the depth: the embedding and an early layer keep the word
/// itself, one at two thirds the sense.
const UNMEASURED: [f64; LAYERS] = [0.0, 1.0 / 6.0, 2.0 / 3.0];

/// The layers with which plain similarity finds a fact by another of its wordings most often; one after another is taken,
/// each time that which helps most.
///
/// # Errors
/// What the device reports.
pub(crate) fn find_layers(
    executor: &dyn Executor,
    facts: &[&Fact],
    seed: u64,
) -> Result<Vec<usize>, MomeError> {
    let depth = executor.backbone().config().layers;
    let twice: Vec<&Fact> =
        facts.iter().copied().filter(|fact| fact.wordings.len() > 1).take(FACTS).collect();
    if twice.len() < FEWEST {
        let mut layers: Vec<usize> =
            UNMEASURED.iter().map(|share| (share * depth as f64).round() as usize).collect();
        layers.dedup();
        return Ok(layers);
    }
    let tried: Vec<usize> = if depth < TRIED {
        (0..=depth).collect()
    } else {
        (0..TRIED).map(|at| at * depth / (TRIED - 1)).collect()
    };
    let hidden = executor.backbone().config().hidden;
    let all = Corpus::read(executor, &tried, &twice, None, || ())?;
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < LAYERS.min(tried.len()) {
        let left: Vec<usize> = (0..tried.len()).filter(|at| !chosen.contains(at)).collect();
        let with = |&at: &usize| {
            let mut places = [chosen.as_slice(), &[at]].concat();
            places.sort_unstable();
            let layers: Vec<usize> = places.iter().map(|&place| tried[place]).collect();
            (found(&only(&all, &places, hidden), &layers, hidden, seed), at)
        };
        let measured: Vec<(usize, usize)> = left.iter().map(with).collect();
        let Some(&(_, best)) = measured.iter().max_by_key(|(found, at)| (*found, usize::MAX - at)) else {
            break;
        };
        chosen.push(best);
    }
    let mut layers: Vec<usize> = chosen.into_iter().map(|at| tried[at]).collect();
    layers.sort_unstable();
    Ok(layers)
}

/// The corpus with the states of some of its layers alone; `places` are theirs among those that were read.
fn only(all: &Corpus, places: &[usize], hidden: usize) -> Corpus {
    let wordings = all.wordings.iter().map(|wording| {
        let width = wording.states.len() / wording.tokens.len().max(1);
        let states = wording.states.chunks_exact(width.max(1)).flat_map(|row| {
            places.iter().flat_map(move |&place| row[place * hidden..(place + 1) * hidden].iter().copied())
        });
        ReadWording { tokens: wording.tokens.clone(), states: states.collect() }
    });
    Corpus { wordings: wordings.collect(), ..all.clone() }
}

/// How many facts come first when asked by their second wording, with only their first in memory.
fn found(corpus: &Corpus, layers: &[usize], hidden: usize, seed: u64) -> usize {
    let query = Projection::quantise(&vec![0.0; KEY_WIDTH * hidden], hidden);
    let selection = Selection::new(plain_selector(layers, hidden, query, &[corpus], seed));
    let readings = corpus.readings(&selection);
    let experts: Vec<ExpertKeys> = corpus
        .of
        .iter()
        .map(|own| ExpertKeys { wordings: vec![WordingKeys::new(&readings[own[0]].keys())] })
        .collect();
    let experts: Vec<&ExpertKeys> = experts.iter().collect();
    let finds = |&fact: &usize| {
        let candidates = search(&readings[corpus.of[fact][1]], &selection, &experts, |_, _| false);
        candidates.first().is_some_and(|best| best.expert == fact)
    };
    (0..corpus.of.len()).into_par_iter().filter(finds).count()
}
