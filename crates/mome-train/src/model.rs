//! The selector as tensors, and the loss of an episode.

use burn::optim::AdamW;
use burn::tensor::activation::{relu, softplus};
use burn::tensor::{Device, Int, Tensor, TensorData};
use mome::selection::Selection;
use mome_pack::{
    Dense, KEY_WIDTH, MATCH_FEATURES, MatchNetwork, NETWORK_WIDTH, POOLED_FEATURES, Projection,
    ROUTING_WIDTH, Selector, TOKEN_FEATURES,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::corpus::ReadWording;
use crate::episode::Episode;
use crate::trained::{Trained, optimizer, unit_rows};

/// Learning rates of the projections, of the match network, and of the few numbers beside them.
const PROJECTIONS: f64 = 1e-3;
const NETWORK: f64 = 2e-3;
const NUMBERS: f64 = 5e-3;

/// Sharpness of routing similarity in its own part of the loss, and the weight of that part.
const ROUTING_SHARPNESS: f64 = 20.0;
const ROUTING_WEIGHT: f64 = 0.5;

/// Weight of judging the second candidate, next to the first.
const SECOND_WEIGHT: f64 = 0.5;

/// Tokens of a wording that are looked at in training: longer ones are rare and would pad all others.
const LONGEST: usize = 28;

/// The share of wordings of which some common tokens are dropped, and the share of those.
const THINNED: f64 = 0.4;
const DROPPED: f64 = 0.2;

/// Added to a score that must not count.
const NOTHING: f64 = -1e4;

/// The selector as tensors.
pub(crate) struct Model {
    start: Selector,
    rarities: Selection,
    device: Device,
    optimizer: AdamW,
    route: Trained<2>,
    read: Trained<2>,
    salience: Trained<2>,
    salience_of_idf: Trained<2>,
    mix: Trained<2>,
    network: [TrainedDense; 4],
}

/// A layer of the match network.
struct TrainedDense {
    weights: Trained<2>,
    bias: Trained<2>,
}

/// Wordings in key space.
#[derive(Clone)]
struct Encoded {
    /// Reader states of length one, zero for padding, `[B, T, KEY_WIDTH]`
    states: Tensor<3>,
    /// 1 for tokens, 0 for padding, `[B, T]`
    mask: Tensor<2>,
    /// Sums to one over the tokens, `[B, T]`
    salience: Tensor<2>,
    /// Inverse document frequencies, 0 for padding, `[B, T]`
    rarity: Tensor<2>,
    /// Routing keys of length one, `[B, ROUTING_WIDTH]`
    routing: Tensor<2>,
}

/// Tokens of one side of matches, each beside its best match on the other side.
struct Covered {
    /// Largest cosine, `[B, T]`
    cosine: Tensor<2>,
    /// The other side's state that has it, `[B, T, KEY_WIDTH]`
    matched: Tensor<3>,
}

impl TrainedDense {
    fn new(layer: &Dense, outputs: usize, device: &Device) -> Self {
        let inputs = layer.weights.len() / outputs;
        Self {
            weights: Trained::new(&layer.weights, [outputs, inputs], NETWORK, device),
            bias: Trained::new(&layer.bias, [1, outputs], NETWORK, device),
        }
    }

    fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        inputs.matmul(self.weights.tensor.clone().transpose()) + self.bias.tensor.clone()
    }

    fn dense(&self) -> Dense {
        Dense { weights: self.weights.values(), bias: self.bias.values() }
    }
}

impl Model {
    /// Starts at this selector. A network that says nothing gets weights at random in its hidden layers, for gradients to
    /// reach them.
    pub(crate) fn new(start: Selector, device: Device, random: &mut ChaCha8Rng) -> Self {
        let device = device.autodiff();
        let width = start.width();
        let network = if start.network == MatchNetwork::default() {
            MatchNetwork {
                tokens: random_layer(random, NETWORK_WIDTH, TOKEN_FEATURES),
                pooled: random_layer(random, NETWORK_WIDTH, POOLED_FEATURES),
                ..MatchNetwork::default()
            }
        } else {
            start.network.clone()
        };
        let dense = |layer: &Dense, outputs: usize| TrainedDense::new(layer, outputs, &device);
        Self {
            optimizer: optimizer(),
            route: Trained::new(&start.route.dequantise(), [ROUTING_WIDTH, width], PROJECTIONS, &device),
            read: Trained::new(&start.read.dequantise(), [KEY_WIDTH, width], PROJECTIONS, &device),
            salience: Trained::new(&start.salience, [1, width], NUMBERS, &device),
            salience_of_idf: Trained::new(&start.salience_of_idf, [1, 2], NUMBERS, &device),
            mix: Trained::new(&start.mix, [1, 3], NUMBERS, &device),
            network: [
                dense(&network.tokens, NETWORK_WIDTH),
                dense(&network.pooled, NETWORK_WIDTH),
                dense(&network.out, 1),
                dense(&network.linear, 1),
            ],
            rarities: Selection::new(start.clone()),
            start,
            device,
        }
    }

    /// The selector as it is now.
    pub(crate) fn selector(&self) -> Selector {
        let width = self.start.width();
        let few = |trained: &Trained<2>| trained.values();
        let ([slope, offset], [routing, question, keys]) = (
            few(&self.salience_of_idf).try_into().unwrap_or([0.0; 2]),
            few(&self.mix).try_into().unwrap_or([0.0; 3]),
        );
        let [tokens, pooled, out, linear] = self.network.each_ref().map(TrainedDense::dense);
        Selector {
            route: Projection::quantise(&self.route.values(), width),
            read: Projection::quantise(&self.read.values(), width),
            salience: self.salience.values(),
            salience_of_idf: [slope, offset],
            mix: [routing, question, keys],
            network: MatchNetwork { tokens, pooled, out, linear },
            gate: None,
            ..self.start.clone()
        }
    }

    /// One gradient step on; `share` of the learning rates is taken. Returns the loss before it.
    pub(crate) fn step(&mut self, episode: &Episode<'_>, share: f64, random: &mut ChaCha8Rng) -> f32 {
        let loss = self.loss(episode, random);
        let gradients = loss.backward();
        for trained in
            [&mut self.route, &mut self.read, &mut self.salience, &mut self.salience_of_idf, &mut self.mix]
        {
            trained.step(&self.optimizer, &gradients, share);
        }
        for layer in &mut self.network {
            layer.weights.step(&self.optimizer, &gradients, share);
            layer.bias.step(&self.optimizer, &gradients, share);
        }
        loss.into_data().iter::<f32>().next().unwrap_or(f32::NAN)
    }

    /// Each question should find a wording of its fact, in routing and in score, and the network should say whether the
    /// best two candidates are right; where the fact is not in memory, none is.
    fn loss(&self, episode: &Episode<'_>, random: &mut ChaCha8Rng) -> Tensor<1> {
        let (asked, keys) = (self.encode(&episode.asked, random), self.encode(&episode.keys, random));
        let similarity = asked.routing.clone().matmul(keys.routing.clone().transpose());
        let scores = self.scores(&asked, &keys, similarity.clone());
        let found = self.found(episode, scores.clone())
            + self.found(episode, similarity.clone() * ROUTING_SHARPNESS) * ROUTING_WEIGHT;
        found + self.judged(episode, &asked, &keys, similarity, scores)
    }

    /// Mean over the known questions of how improbable all wordings of the right fact together are, `scores` `[n, K]`.
    fn found(&self, episode: &Episode<'_>, scores: Tensor<2>) -> Tensor<1> {
        let (questions, keys) = (episode.asked.len(), episode.keys.len());
        let of_others = (0..questions * keys).map(|at| f32::from(episode.owner[at % keys] != at / keys));
        let of_others = self.tensor(of_others.collect(), [questions, keys]);
        let own = log_sum(scores.clone() + of_others * NOTHING);
        let known: Vec<f32> = episode.known.iter().map(|&known| f32::from(known)).collect();
        let count = known.iter().sum::<f32>().max(1.0);
        ((log_sum(scores) - own) * self.tensor(known, [questions, 1])).sum() / f64::from(count)
    }

    /// Cross-entropy of what the network says of the best two facts of each question.
    fn judged(
        &self,
        episode: &Episode<'_>,
        asked: &Encoded,
        keys: &Encoded,
        similarity: Tensor<2>,
        scores: Tensor<2>,
    ) -> Tensor<1> {
        let ranking = Ranking::of(episode, &scores.clone().into_data().iter::<f32>().collect::<Vec<_>>());
        let questions = episode.asked.len();
        let (facts, best) = (ranking.facts, self.indices(ranking.best_wording, [questions, ranking.facts]));
        let of_facts = scores.clone().gather(1, best);
        let log_total = log_sum(of_facts.clone());
        let mut loss = Tensor::<1>::zeros([1], &self.device);
        for (rank, weight) in [(0, 1.0), (1, SECOND_WEIGHT)].into_iter().take(facts) {
            let pick =
                |from: &[Vec<usize>]| from.iter().map(|ranked| ranked[rank] as i32).collect::<Vec<_>>();
            let column = |values: Vec<i32>| self.indices(values, [questions, 1]);
            let wording = pick(&ranking.wordings);
            let score = scores.clone().gather(1, column(wording.clone()));
            let rival =
                ranking.columns.iter().map(|columns| columns[(1 - rank).min(facts - 1)] as i32).collect();
            let margin = if facts > 1 {
                score.clone() - of_facts.clone().gather(1, column(rival))
            } else {
                Tensor::full([questions, 1], 20.0, &self.device)
            };
            let one =
                keys.select(Tensor::from_data(TensorData::new(wording.clone(), [questions]), &self.device));
            let log_odds = self.log_odds(
                asked,
                &one,
                similarity.clone().gather(1, column(wording)),
                score.clone(),
                margin,
                score - log_total.clone(),
            );
            let right = |(question, order): (usize, &Vec<usize>)| {
                f32::from(order[rank] == question && episode.known[question])
            };
            let right = ranking.order.iter().enumerate().map(right).collect();
            let wrongly = softplus(log_odds.clone(), 1.0) - log_odds * self.tensor(right, [questions, 1]);
            loss = loss + wrongly.mean() * weight;
        }
        loss
    }

    /// What the network says of matches, `[B, 1]`: question `i` against wording `i`; as in `mome::matching`.
    fn log_odds(
        &self,
        asked: &Encoded,
        keys: &Encoded,
        similarity: Tensor<2>,
        score: Tensor<2>,
        margin: Tensor<2>,
        log_share: Tensor<2>,
    ) -> Tensor<2> {
        let cosines = asked.states.clone().matmul(keys.states.clone().swap_dims(1, 2));
        let question = covered(cosines.clone(), keys);
        let stored = covered(cosines.swap_dims(1, 2), asked);
        let features = Tensor::cat(
            vec![
                similarity,
                margin.clamp(-20.0, 20.0) / 10.0,
                (question.cosine.clone() * asked.salience.clone()).sum_dim(1),
                (stored.cosine.clone() * keys.salience.clone()).sum_dim(1),
                asked.worst(&question),
                keys.worst(&stored),
                log_share.clamp_min(-14.0),
                asked.bare(&question).max_dim(1) / 8.0,
                score / 30.0,
            ],
            1,
        );
        debug_assert_eq!(features.dims()[1], MATCH_FEATURES);
        let [tokens, pooled, out, linear] = &self.network;
        let sides = [asked.pool(tokens, &question), keys.pool(tokens, &stored)].concat();
        let all = Tensor::cat([vec![features.clone()], sides].concat(), 1);
        out.forward(relu(pooled.forward(all))) + linear.forward(features)
    }

    fn encode(&self, wordings: &[&ReadWording], random: &mut ChaCha8Rng) -> Encoded {
        let (batch, width) = (wordings.len(), self.start.width());
        let longest =
            wordings.iter().map(|wording| wording.tokens.len().min(LONGEST)).max().unwrap_or(1).max(1);
        let (mut x, mut mask, mut rarity) =
            (vec![0f32; batch * longest * width], vec![0f32; batch * longest], vec![0f32; batch * longest]);
        for (at, wording) in wordings.iter().enumerate() {
            let thinned = random.random_bool(THINNED);
            let rarities: Vec<f32> =
                wording.tokens.iter().map(|&token| self.rarities.rarity(token)).collect();
            let usual = rarities.iter().sum::<f32>() / rarities.len().max(1) as f32;
            for (token, row) in wording.states.chunks_exact(width).take(longest).enumerate() {
                let common = rarities[token] < usual;
                if thinned && common && random.random_bool(DROPPED) {
                    continue;
                }
                let place = at * longest + token;
                let centred = row.iter().zip(&self.start.mean).map(|(state, mean)| state.to_f32() - mean);
                x[place * width..][..width].iter_mut().zip(centred).for_each(|(x, state)| *x = state);
                mask[place] = 1.0;
                rarity[place] = rarities[token];
            }
        }
        let (mask, rarity) = (self.tensor(mask, [batch, longest]), self.tensor(rarity, [batch, longest]));
        let x = self.tensor(x, [batch * longest, width]);

        let of_idf = self.salience_of_idf.tensor.clone();
        let (slope, offset) = (of_idf.clone().slice([0..1, 0..1]), of_idf.slice([0..1, 1..2]));
        let of_states = x.clone().matmul(self.salience.tensor.clone().transpose()).reshape([batch, longest]);
        let salience = softplus(rarity.clone() * slope + offset + of_states, 1.0) * mask.clone();
        let salience = salience.clone() / salience.sum_dim(1).clamp_min(1e-6);

        let states = unit_rows(x.clone().matmul(self.read.tensor.clone().transpose()));
        let sum = x.reshape([batch, longest, width]).sum_dim(1).reshape([batch, width]);
        let routing = unit_rows(sum.matmul(self.route.tensor.clone().transpose()));
        Encoded { states: states.reshape([batch, longest, KEY_WIDTH]), mask, salience, rarity, routing }
    }

    /// Every question against every wording, `[n, K]`: the score that search uses.
    fn scores(&self, asked: &Encoded, keys: &Encoded, similarity: Tensor<2>) -> Tensor<2> {
        let [questions, asked_tokens, _] = asked.states.dims();
        let [kept, kept_tokens, _] = keys.states.dims();
        let rows = |states: &Tensor<3>, rows: usize| states.clone().reshape([rows, KEY_WIDTH]);
        let cosines = rows(&asked.states, questions * asked_tokens)
            .matmul(rows(&keys.states, kept * kept_tokens).transpose())
            .reshape([questions, asked_tokens, kept, kept_tokens]);
        let no_key = (keys.mask.clone() - 1.0) * 2.0;
        let no_token = (asked.mask.clone() - 1.0) * 2.0;
        let covered = (cosines.clone() + no_key.reshape([1, 1, kept, kept_tokens])).max_dim(3);
        let used = (cosines + no_token.reshape([questions, asked_tokens, 1, 1])).max_dim(1);
        let question_coverage = (covered.reshape([questions, asked_tokens, kept])
            * asked.salience.clone().unsqueeze_dim::<3>(2))
        .sum_dim(1)
        .reshape([questions, kept]);
        let key_coverage = (used.reshape([questions, kept, kept_tokens])
            * keys.salience.clone().unsqueeze_dim::<3>(0))
        .sum_dim(2)
        .reshape([questions, kept]);
        let mix = |part: usize| self.mix.tensor.clone().slice([0..1, part..part + 1]);
        similarity * mix(0) + question_coverage * mix(1) + key_coverage * mix(2)
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    fn indices(&self, values: Vec<i32>, shape: [usize; 2]) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}

/// For each question of an episode, the facts by the score of their best wording.
struct Ranking {
    /// How many facts have a wording in memory.
    facts: usize,
    /// The best wording of each of these facts, `[questions, facts]`.
    best_wording: Vec<i32>,
    /// For each question, the two best facts, by their number in the episode.
    order: Vec<Vec<usize>>,
    /// For each question, where those stand in its row of `best_wording`.
    columns: Vec<Vec<usize>>,
    /// For each question, the best wordings of those.
    wordings: Vec<Vec<usize>>,
}

impl Ranking {
    fn of(episode: &Episode<'_>, scores: &[f32]) -> Self {
        let mut numbers = episode.owner.clone();
        numbers.sort_unstable();
        numbers.dedup();
        let mut best_wording = Vec::new();
        let (mut order, mut columns, mut wordings) = (Vec::new(), Vec::new(), Vec::new());
        for row in scores.chunks_exact(episode.keys.len().max(1)) {
            let best = |fact: &usize| {
                let own = (0..row.len()).filter(|&wording| episode.owner[wording] == *fact);
                own.max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a))).unwrap_or(0)
            };
            let best: Vec<usize> = numbers.iter().map(best).collect();
            let mut ranked: Vec<usize> = (0..numbers.len()).collect();
            ranked.sort_by(|&a, &b| row[best[b]].total_cmp(&row[best[a]]).then(a.cmp(&b)));
            ranked.truncate(2);
            order.push(ranked.iter().map(|&fact| numbers[fact]).collect());
            wordings.push(ranked.iter().map(|&fact| best[fact]).collect());
            columns.push(ranked);
            best_wording.extend(best.iter().map(|&wording| wording as i32));
        }
        Self { facts: numbers.len(), best_wording, order, columns, wordings }
    }
}

impl Encoded {
    /// Some of the wordings, `indices` `[B]`.
    fn select(&self, indices: Tensor<1, Int>) -> Self {
        Self {
            states: self.states.clone().select(0, indices.clone()),
            mask: self.mask.clone().select(0, indices.clone()),
            salience: self.salience.clone().select(0, indices.clone()),
            rarity: self.rarity.clone().select(0, indices.clone()),
            routing: self.routing.clone().select(0, indices),
        }
    }

    /// The least cosine among the salient tokens, `[B, 1]`.
    fn worst(&self, covered: &Covered) -> Tensor<2> {
        let largest = self.salience.clone().max_dim(1) * 0.4;
        let not_salient = self.salience.clone().lower_equal(largest);
        covered.cosine.clone().mask_fill(not_salient, 1.0).min_dim(1)
    }

    /// How rare and how badly matched each token is, `[B, T]`.
    fn bare(&self, covered: &Covered) -> Tensor<2> {
        self.rarity.clone() * (1.0 - covered.cosine.clone().clamp(0.0, 1.0))
    }

    /// The network's first layer over the tokens: mean and largest of its outputs, `[B, NETWORK_WIDTH]` each.
    fn pool(&self, layer: &TrainedDense, covered: &Covered) -> Vec<Tensor<2>> {
        let [batch, tokens, _] = self.states.dims();
        let rows = |tensor: Tensor<3>| tensor.reshape([batch * tokens, KEY_WIDTH]);
        let column = |tensor: Tensor<2>| tensor.reshape([batch * tokens, 1]);
        let (state, matched) = (rows(self.states.clone()), rows(covered.matched.clone()));
        let lengths = self.mask.clone().sum_dim(1);
        let inputs = Tensor::cat(
            vec![
                state.clone() * matched.clone(),
                (state - matched).abs(),
                column(covered.cosine.clone()),
                column(self.salience.clone() * lengths) / 2.0,
                column(self.rarity.clone()) / 8.0,
                column(self.bare(covered)) / 8.0,
            ],
            1,
        );
        let outputs = relu(layer.forward(inputs)).reshape([batch, tokens, NETWORK_WIDTH])
            * self.mask.clone().unsqueeze_dim::<3>(2);
        let mean = (outputs.clone() * self.salience.clone().unsqueeze_dim::<3>(2)).sum_dim(1);
        [mean, outputs.max_dim(1)].map(|pooled| pooled.reshape([batch, NETWORK_WIDTH])).into()
    }
}

/// For each row of `cosines`, `[B, T, other tokens]`, the best of the other side's tokens.
fn covered(cosines: Tensor<3>, other: &Encoded) -> Covered {
    let [batch, tokens, _] = cosines.dims();
    let nothing = ((other.mask.clone() - 1.0) * 2.0).unsqueeze_dim::<3>(1);
    let (cosine, by) = (cosines + nothing).max_dim_with_indices(2);
    let matched = other.states.clone().gather(1, by.repeat_dim(2, KEY_WIDTH));
    Covered { cosine: cosine.reshape([batch, tokens]), matched }
}

/// Logarithm of the sum of the exponentials of each row, `[B, 1]`.
fn log_sum(rows: Tensor<2>) -> Tensor<2> {
    let top = rows.clone().detach().max_dim(1);
    (rows - top.clone()).exp().sum_dim(1).log() + top
}

/// Weights such that outputs spread about as inputs do (He et al. 2015, arXiv 1502.01852, uniform).
fn random_layer(random: &mut ChaCha8Rng, outputs: usize, inputs: usize) -> Dense {
    let most = (1.0 / inputs as f32).sqrt();
    let weights = (0..outputs * inputs).map(|_| random.random_range(-most..most)).collect();
    Dense { weights, bias: vec![0.0; outputs] }
}
