//! Training of a selector: contrastively, so that a wording of a fact finds another wording of it among those of
//! its neighbours and of others.

use std::f64::consts::PI;

use burn::optim::{AdamW, AdamWConfig, Optimizer};
use burn::tensor::activation::{log_softmax, softplus};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use mome::selection::Selection;
use mome_pack::{Attention, KEY_WIDTH, Projection, ROUTING_WIDTH, Selector};
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::principal::{mean, principal_directions};
use crate::wordings::Wordings;

/// How slots are attended to. The order bias is strong enough that a run of equal digits keeps its place, and the
/// gate's word enough that an accepted expert leads null from its first token.
pub const ATTENTION: Attention =
    Attention { beta: 16.0, gamma: 8.0, null: 12.0, margin: 4.0, accepted: 14.0, cap: 20.0 };

/// Facts in a batch.
const BATCH: usize = 64;

/// Facts whose neighbours are put in a batch together, and how many neighbours each brings.
const NEIGHBOURHOODS: usize = 4;
const NEIGHBOURS: usize = 8;

/// Steps between two searches for neighbours.
const MINING: usize = 100;

/// Learning rates of the projections, and of the few numbers beside them.
const SLOW: f64 = 1e-3;
const FAST: f64 = 5e-3;

/// Sharpness of routing similarity in its own part of the loss.
const ROUTING_SHARPNESS: f64 = 20.0;

/// Token states that the principal directions are taken from.
const SAMPLE: usize = 4096;

/// What training a selector needs beside the wordings.
#[derive(Clone, Debug)]
pub struct Training {
    /// Layers whose states are read.
    pub layers: Vec<usize>,
    /// The backbone's hidden size.
    pub hidden: usize,
    /// Gradient steps.
    pub steps: usize,
    /// Seed of all random choices.
    pub seed: u64,
}

impl Training {
    /// A selector for these wordings; those for which `skip` holds are not looked at. Where no fact has two
    /// wordings left, the projections stay at the principal directions of the states.
    #[must_use]
    pub fn selector(
        &self,
        wordings: &Wordings,
        skip: &(impl Fn(usize) -> bool + Sync),
        done: impl Fn(),
    ) -> Selector {
        let facts: Vec<Vec<usize>> = wordings
            .of
            .iter()
            .map(|own| own.iter().copied().filter(|&wording| !skip(wording)).collect::<Vec<_>>())
            .filter(|own| !own.is_empty())
            .collect();
        let start = self.start(wordings, &facts);
        if facts.iter().all(|own| own.len() < 2) {
            return start;
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut model = Model::new(start);
        let mut near = None;
        for step in 0..self.steps {
            if step % MINING == 0 && facts.len() > BATCH {
                near = Some(neighbours(&Selection::new(model.selector()), wordings, &facts));
            }
            let chosen = batch(&mut random, facts.len(), near.as_deref());
            let (mut asked, mut kept) = (Vec::new(), Vec::new());
            for fact in chosen {
                let mut own = facts[fact].clone();
                own.shuffle(&mut random);
                asked.push(drop_tokens(&mut random, Example::new(wordings, own[0])));
                kept.push(Example::new(wordings, own[own.len().min(2) - 1]));
            }
            let rate = 0.05 + 0.95 * 0.5 * (1.0 + (PI * step as f64 / self.steps as f64).cos());
            model.step(&asked, &kept, rate);
            done();
        }
        model.selector()
    }

    /// The selector that training starts from: a plain similarity.
    fn start(&self, wordings: &Wordings, facts: &[Vec<usize>]) -> Selector {
        let width = self.layers.len() * self.hidden;
        let used: Vec<usize> = facts.iter().flatten().copied().collect();
        let states: Vec<Vec<f32>> = used.iter().map(|&wording| wordings.states(wording)).collect();
        let rows: Vec<&[f32]> = states.iter().flat_map(|states| states.chunks_exact(width)).collect();
        let mean = mean(&rows, width);
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let sample: Vec<&[f32]> = rows.sample(&mut random, SAMPLE).copied().collect();
        let directions = principal_directions(&sample, &mean, ROUTING_WIDTH, self.seed);
        Selector {
            layers: self.layers.iter().map(|&layer| layer as u32).collect(),
            hidden: self.hidden as u32,
            route: Projection::quantise(&directions, width),
            read: Projection::quantise(&directions[..KEY_WIDTH * width], width),
            query: self.query(wordings),
            mean,
            salience: vec![0.0; width],
            salience_of_idf: [0.5, 0.0],
            mix: [10.0; 3],
            attention: ATTENTION,
            wordings: used.len() as u32,
            counts: wordings.document_counts(used.iter().copied()),
            gate: None,
        }
    }

    /// W_query: the principal directions of the hidden states that predict answers.
    fn query(&self, wordings: &Wordings) -> Projection {
        let hidden: Vec<&[f32]> =
            wordings.traces.iter().flat_map(|trace| trace.hidden.chunks_exact(self.hidden)).collect();
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let sample: Vec<&[f32]> = hidden.sample(&mut random, SAMPLE).copied().collect();
        let directions = principal_directions(&sample, &mean(&sample, self.hidden), KEY_WIDTH, self.seed);
        Projection::quantise(&directions, self.hidden)
    }
}

/// The facts nearest to each fact in routing, itself the first.
fn neighbours(selection: &Selection, wordings: &Wordings, facts: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let keys: Vec<_> = facts
        .par_iter()
        .map(|own| selection.read(&wordings.states(own[0]), &wordings.traces[own[0]].question).routing)
        .collect();
    keys.par_iter().map(|key| mome::index::nearest(&keys, key, NEIGHBOURS)).collect()
}

/// The facts of a batch, each once: some whole neighbourhoods, and others at random.
fn batch(random: &mut ChaCha8Rng, facts: usize, near: Option<&[Vec<usize>]>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..facts).collect();
    order.shuffle(random);
    let Some(near) = near else {
        order.truncate(BATCH);
        return order;
    };
    let mut chosen: Vec<usize> = Vec::with_capacity(BATCH);
    let neighbours = order[..NEIGHBOURHOODS].iter().flat_map(|&fact| near[fact].iter().copied());
    for fact in neighbours.chain(order.iter().copied()) {
        if chosen.len() < BATCH && !chosen.contains(&fact) {
            chosen.push(fact);
        }
    }
    chosen
}

/// One wording in a batch.
struct Example {
    /// `[tokens, D]`
    states: Vec<f32>,
    tokens: Vec<u32>,
}

impl Example {
    fn new(wordings: &Wordings, wording: usize) -> Self {
        Self { states: wordings.states(wording), tokens: wordings.traces[wording].question.clone() }
    }
}

/// Now and then some tokens less, so that no single function word carries a match.
fn drop_tokens(random: &mut ChaCha8Rng, example: Example) -> Example {
    if example.tokens.len() <= 4 || !random.random_bool(0.3) {
        return example;
    }
    let width = example.states.len() / example.tokens.len();
    let mut kept: Vec<usize> = (0..example.tokens.len()).filter(|_| random.random_bool(0.88)).collect();
    if kept.is_empty() {
        kept.push(0);
    }
    let states = kept.iter().flat_map(|&at| example.states[at * width..(at + 1) * width].iter().copied());
    Example { states: states.collect(), tokens: kept.iter().map(|&at| example.tokens[at]).collect() }
}

/// A tensor that is trained, with what its optimiser remembers.
struct Trained<const D: usize> {
    tensor: Tensor<D>,
    state: Option<<AdamW as Optimizer>::State<D>>,
    rate: f64,
}

impl<const D: usize> Trained<D> {
    fn new(values: &[f32], shape: [usize; D], rate: f64, device: &Device) -> Self {
        let tensor = Tensor::from_data(TensorData::new(values.to_vec(), shape), device).require_grad();
        Self { tensor, state: None, rate }
    }

    fn step(&mut self, optimizer: &AdamW, gradients: &Gradients, rate: f64) {
        let Some(gradient) = self.tensor.grad(gradients) else { return };
        let (tensor, state) =
            optimizer.step(self.rate * rate, self.tensor.clone().inner(), gradient, self.state.take());
        self.tensor = Tensor::from_inner(tensor).require_grad();
        self.state = state;
    }

    fn values(&self) -> Vec<f32> {
        self.tensor.clone().into_data().iter::<f32>().collect()
    }
}

/// The selector as tensors.
struct Model {
    start: Selector,
    selection: Selection,
    device: Device,
    optimizer: AdamW,
    route: Trained<2>,
    read: Trained<2>,
    salience: Trained<2>,
    salience_of_idf: Trained<2>,
    mix: Trained<2>,
}

/// A batch of wordings in key space.
struct Encoded {
    /// Reader states of length one, zero for padding, `[B, T, KEY_WIDTH]`
    states: Tensor<3>,
    /// Sums to one over the tokens, 0 for padding, `[B, T]`
    salience: Tensor<2>,
    /// Routing keys of length one, `[B, ROUTING_WIDTH]`
    routing: Tensor<2>,
}

impl Model {
    fn new(start: Selector) -> Self {
        let device = crate::device::training_device().autodiff();
        let width = start.width();
        Self {
            optimizer: AdamWConfig::new().with_weight_decay(0.01).with_epsilon(1e-8).build(),
            route: Trained::new(&start.route.dequantise(), [ROUTING_WIDTH, width], SLOW, &device),
            read: Trained::new(&start.read.dequantise(), [KEY_WIDTH, width], SLOW, &device),
            salience: Trained::new(&start.salience, [1, width], FAST, &device),
            salience_of_idf: Trained::new(&start.salience_of_idf, [1, 2], FAST, &device),
            mix: Trained::new(&start.mix, [1, 3], FAST, &device),
            selection: Selection::new(start.clone()),
            start,
            device,
        }
    }

    fn selector(&self) -> Selector {
        let width = self.start.width();
        let few = |trained: &Trained<2>| trained.values();
        let ([slope, offset], [routing, question, keys]) = (
            few(&self.salience_of_idf).try_into().unwrap_or([0.0; 2]),
            few(&self.mix).try_into().unwrap_or([0.0; 3]),
        );
        Selector {
            route: Projection::quantise(&self.route.values(), width),
            read: Projection::quantise(&self.read.values(), width),
            salience: self.salience.values(),
            salience_of_idf: [slope, offset],
            mix: [routing, question, keys],
            ..self.start.clone()
        }
    }

    /// One gradient step on: each asked wording should find the kept one of its fact.
    fn step(&mut self, asked: &[Example], kept: &[Example], rate: f64) {
        let (asked, kept) = (self.encode(asked), self.encode(kept));
        let similarity = asked.routing.clone().matmul(kept.routing.clone().transpose());
        let loss = diagonal_loss(self.scores(&asked, &kept, similarity.clone()))
            + diagonal_loss(similarity * ROUTING_SHARPNESS) * 0.5;
        let gradients = loss.backward();
        for trained in
            [&mut self.route, &mut self.read, &mut self.salience, &mut self.salience_of_idf, &mut self.mix]
        {
            trained.step(&self.optimizer, &gradients, rate);
        }
    }

    fn encode(&self, examples: &[Example]) -> Encoded {
        let (batch, width) = (examples.len(), self.start.width());
        let longest = examples.iter().map(|example| example.tokens.len()).max().unwrap_or(1);
        let (mut x, mut mask, mut rarity) =
            (vec![0f32; batch * longest * width], vec![0f32; batch * longest], vec![0f32; batch * longest]);
        for (at, example) in examples.iter().enumerate() {
            for (token, row) in example.states.chunks_exact(width).enumerate() {
                let place = at * longest + token;
                let centred = row.iter().zip(&self.start.mean).map(|(state, mean)| state - mean);
                x[place * width..(place + 1) * width]
                    .iter_mut()
                    .zip(centred)
                    .for_each(|(x, state)| *x = state);
                mask[place] = 1.0;
                rarity[place] = self.selection.rarity(example.tokens[token]);
            }
        }
        let tensor = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values, shape), &self.device)
        };
        let (mask, rarity) = (tensor(mask, [batch, longest]), tensor(rarity, [batch, longest]));
        let x = tensor(x, [batch * longest, width]);

        let of_idf = self.salience_of_idf.tensor.clone();
        let (slope, offset) = (of_idf.clone().slice([0..1, 0..1]), of_idf.slice([0..1, 1..2]));
        let of_states = x.clone().matmul(self.salience.tensor.clone().transpose()).reshape([batch, longest]);
        let salience = softplus(rarity * slope + offset + of_states, 1.0) * mask;
        let salience = salience.clone() / salience.sum_dim(1).clamp_min(1e-6);

        let states = unit_rows(x.clone().matmul(self.read.tensor.clone().transpose()));
        let pooled = (x.reshape([batch, longest, width]) * salience.clone().unsqueeze_dim::<3>(2)).sum_dim(1);
        let routing = unit_rows(pooled.reshape([batch, width]).matmul(self.route.tensor.clone().transpose()));
        Encoded { states: states.reshape([batch, longest, KEY_WIDTH]), salience, routing }
    }

    /// Every asked wording against every kept one, `[B, B]`: the score that search uses.
    fn scores(&self, asked: &Encoded, kept: &Encoded, similarity: Tensor<2>) -> Tensor<2> {
        let [batch, asked_tokens, _] = asked.states.dims();
        let [_, kept_tokens, _] = kept.states.dims();
        let rows = |states: &Tensor<3>, tokens: usize| states.clone().reshape([batch * tokens, KEY_WIDTH]);
        let cosines = rows(&asked.states, asked_tokens)
            .matmul(rows(&kept.states, kept_tokens).transpose())
            .reshape([batch, asked_tokens, batch, kept_tokens]);
        // Padding has no direction, so it matches everything with 0: it wins only where nothing fits at all.
        let covered = cosines.clone().max_dim(3).reshape([batch, asked_tokens, batch]);
        let used = cosines.max_dim(1).reshape([batch, batch, kept_tokens]);
        let question_coverage =
            (covered * asked.salience.clone().unsqueeze_dim::<3>(2)).sum_dim(1).reshape([batch, batch]);
        let key_coverage =
            (used * kept.salience.clone().unsqueeze_dim::<3>(0)).sum_dim(2).reshape([batch, batch]);
        let mix = |part: usize| self.mix.tensor.clone().slice([0..1, part..part + 1]);
        similarity * mix(0) + question_coverage * mix(1) + key_coverage * mix(2)
    }
}

/// Rows scaled to length one; padding stays near zero.
fn unit_rows(rows: Tensor<2>) -> Tensor<2> {
    let square = (rows.clone() * rows.clone()).sum_dim(1);
    rows / (square + 1e-12).sqrt()
}

/// Cross-entropy where the right column of each row is its own number.
fn diagonal_loss(scores: Tensor<2>) -> Tensor<1> {
    let [batch, _] = scores.dims();
    let diagonal = Tensor::eye(batch, &scores.device());
    (log_softmax(scores, 1) * diagonal).sum() / -(batch as f64)
}
