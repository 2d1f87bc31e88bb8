//! Training of a selector, from one that is there or from plain similarity.

use burn::tensor::Device;
use mome::selection::Selection;
use mome_pack::{Attention, KEY_WIDTH, MatchNetwork, Projection, ROUTING_WIDTH, Selector};
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::corpus::Corpus;
use crate::episode::Lessons;
use crate::model::Model;
use crate::principal::{mean, principal_directions};
use crate::trained::annealed;

/// How slots are attended to. The order bias is as strong as the match is at most, so that places of a run of equal
/// digits or of a random string, whose states are much alike, are told apart; the gate's word is enough that an
/// accepted expert's slot leads null whatever its match, and for one that is merely attached only a match does.
pub const ATTENTION: Attention =
    Attention { beta: 16.0, gamma: 16.0, null: 12.0, margin: 4.0, accepted: 28.0, cap: 32.0 };

/// Token states that the principal directions are taken from.
const SAMPLE: usize = 4096;

/// How a selector is trained.
#[derive(Clone, Debug)]
pub struct Training {
    /// Gradient steps, an episode each.
    pub steps: usize,
    /// The most wordings of a fact that are in memory at once.
    pub most_keys: usize,
    /// Seed of all random choices.
    pub seed: u64,
    /// What runs the tensors.
    pub device: Device,
}

impl Training {
    /// Trains on these tables from `start` on; wordings for which `skip(table, wording)` holds are not looked at. Where
    /// nothing can be asked in two ways, `start` is what comes back. `done` is called after each step with the loss.
    #[must_use]
    pub fn train(
        &self,
        start: &Selector,
        corpora: &[&Corpus],
        skip: impl Fn(usize, usize) -> bool,
        done: impl Fn(f32),
    ) -> Selector {
        let lessons = corpora
            .iter()
            .enumerate()
            .map(|(table, corpus)| Lessons::new(corpus, self.most_keys, |at| skip(table, at)));
        let mut lessons: Vec<Lessons<'_>> = lessons.filter(|lessons| !lessons.is_empty()).collect();
        if lessons.is_empty() {
            return start.clone();
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut model = Model::new(start.clone(), self.device.clone(), &mut random);
        for step in 0..self.steps {
            let table = draw(&lessons, &mut random);
            let now = || Selection::new(model.selector());
            let episode = lessons[table].episode(step, now, &mut random);
            // With nothing in memory there is nothing to compare.
            let loss = if episode.keys.is_empty() {
                0.0
            } else {
                model.step(&episode, annealed(step, self.steps), &mut random)
            };
            done(loss);
        }
        model.selector()
    }
}

/// The number of a table, by their weights.
fn draw(lessons: &[Lessons<'_>], random: &mut ChaCha8Rng) -> usize {
    let total: f64 = lessons.iter().map(Lessons::weight).sum();
    let mut left = random.random_range(0.0..total);
    for (number, lessons) in lessons.iter().enumerate() {
        left -= lessons.weight();
        if left < 0.0 {
            return number;
        }
    }
    lessons.len() - 1
}

/// The selector that training starts from where there is none: plain similarity in the principal directions of the
/// tables' token states.
#[must_use]
pub fn plain_selector(
    layers: &[usize],
    hidden: usize,
    query: Projection,
    corpora: &[&Corpus],
    seed: u64,
) -> Selector {
    let width = layers.len() * hidden;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let all: Vec<_> = corpora.iter().flat_map(|corpus| &corpus.wordings).collect();
    let some: Vec<_> =
        all.sample(&mut random, SAMPLE).flat_map(|wording| wording.states.chunks_exact(width)).collect();
    let some: Vec<Vec<f32>> = some
        .sample(&mut random, SAMPLE)
        .map(|states| states.iter().map(|state| state.to_f32()).collect())
        .collect();
    let sample: Vec<&[f32]> = some.iter().map(Vec::as_slice).collect();
    let mean = mean(&sample, width);
    let directions = principal_directions(&sample, &mean, ROUTING_WIDTH, seed);
    Selector {
        layers: layers.iter().map(|&layer| layer as u32).collect(),
        hidden: hidden as u32,
        route: Projection::quantise(&directions, width),
        read: Projection::quantise(&directions[..KEY_WIDTH * width], width),
        query,
        mean,
        salience: vec![0.0; width],
        salience_of_idf: [0.5, 0.0],
        mix: [10.0; 3],
        attention: ATTENTION,
        wordings: all.len() as u32,
        counts: document_counts(corpora),
        network: MatchNetwork::default(),
        gate: None,
    }
}

/// In how many wordings of the tables each token occurs, sorted by token.
fn document_counts(corpora: &[&Corpus]) -> Vec<(u32, u32)> {
    let mut counts = std::collections::BTreeMap::new();
    for wording in corpora.iter().flat_map(|corpus| &corpus.wordings) {
        let mut tokens = wording.tokens.clone();
        tokens.sort_unstable();
        tokens.dedup();
        tokens.into_iter().for_each(|token| *counts.entry(token).or_insert(0) += 1);
    }
    counts.into_iter().collect()
}

/// Training on the GPU gives what training on the CPU gives. Any adapter that wgpu finds will do, a software one too.
#[cfg(all(test, feature = "wgpu"))]
mod parity {
    use std::fs;
    use std::path::Path;

    use mome::matching::WordingKeys;
    use mome::search::{ExpertKeys, LOG_ODDS_SCALE, search};
    use mome::selection::dot;
    use mome_engine::DeviceChoice;
    use mome_pack::GATE_FEATURES;

    use super::*;
    use crate::read_facts;

    const LAYERS: [usize; 3] = [0, 1, 4];
    const STEPS: usize = 12;

    /// Rounding differs in the order of sums; after some steps with momentum it is still no more than this.
    const LEAST_COSINE: f32 = 0.9995;
    const MOST_LOG_ODDS: f32 = 0.02;

    #[test]
    fn training_on_the_gpu_gives_the_same_selector() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = fs::read(root.join("../mome-backbone/data/mome-tiny-q8_0.gguf")).unwrap();
        let executor = pollster::block_on(mome_engine::open(&file, DeviceChoice::Cpu)).unwrap().executor;
        let facts = read_facts(&root.join("tests/data/relations.jsonl")).unwrap();
        let facts: Vec<_> = facts.iter().take(60).collect();
        let corpus = Corpus::read(executor.as_ref(), &LAYERS, &facts, Some(0), || ()).unwrap();
        let hidden = executor.backbone().config().hidden;
        let query = Projection::quantise(&vec![0.0; KEY_WIDTH * hidden], hidden);
        let start = plain_selector(&LAYERS, hidden, query, &[&corpus], 0);
        let train = |device| {
            let training = Training { steps: STEPS, most_keys: 2, seed: 0, device };
            training.train(&start, &[&corpus], |_, _| false, |_| ())
        };
        let gpu = Device::wgpu(burn::tensor::DeviceKind::DefaultDevice);
        let [flex, wgpu] = [Device::flex(), gpu].map(train);
        assert_ne!(flex.network, start.network, "something was learnt");

        let [flex_reads, wgpu_reads] =
            [&flex, &wgpu].map(|selector| corpus.readings(&Selection::new(selector.clone())));
        let cosines =
            flex_reads.iter().zip(&wgpu_reads).map(|(flex, wgpu)| dot(&flex.routing, &wgpu.routing));
        let least = cosines.fold(1.0, f32::min);
        assert!(least >= LEAST_COSINE, "routing keys differ: cosine {least}");
        let [flex_says, wgpu_says] =
            [(&flex, &flex_reads), (&wgpu, &wgpu_reads)].map(|(selector, readings)| {
                let selection = Selection::new(selector.clone());
                let of_neighbours = readings.windows(2).map(|two| {
                    let stored = ExpertKeys { wordings: vec![WordingKeys::new(&two[1].keys())] };
                    let found = search(&two[0], &selection, &[&stored], |_, _| false);
                    LOG_ODDS_SCALE * found[0].features[GATE_FEATURES - 1]
                });
                of_neighbours.collect::<Vec<f32>>()
            });
        let most =
            flex_says.iter().zip(&wgpu_says).map(|(flex, wgpu)| (flex - wgpu).abs()).fold(0.0, f32::max);
        eprintln!("least cosine of routing keys {least}, largest difference of log odds {most}");
        assert!(most <= MOST_LOG_ODDS, "log odds differ by {most}");
    }
}
