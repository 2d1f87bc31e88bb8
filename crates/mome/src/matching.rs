//! One question against one stored wording: cross-attention between their tokens (docs/design.md, "Selection"), and
//! what the match network makes of it.

use mome_pack::{
    Dense, KEY_WIDTH, MATCH_FEATURES, MatchNetwork, NETWORK_WIDTH, POOLED_FEATURES, QuestionKeys,
    ROUTING_WIDTH, TOKEN_FEATURES,
};

use crate::selection::{Reading, dot};

/// A token counts as salient where its salience is more than this share of the largest.
const SALIENT: f32 = 0.4;

/// By how much the best score may lead the second in the eyes of gate and network.
const LARGEST_MARGIN: f32 = 20.0;

/// Log share below which a candidate is as good as none.
const LEAST_LOG_SHARE: f32 = -14.0;

/// What rarities, and scores, are divided by, so that features are about one.
const RARITY_SCALE: f32 = 8.0;
const SCORE_SCALE: f32 = 30.0;
const MARGIN_SCALE: f32 = 10.0;

/// The keys of one stored wording in floats.
#[derive(Clone, Debug)]
pub struct WordingKeys {
    /// Routing key, of length one.
    pub routing: [f32; ROUTING_WIDTH],
    /// Its tokens; empty for a wording that only leads to its shard.
    pub tokens: Tokens,
}

/// Tokens of a question or of a stored wording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokens {
    /// Reader states, of length one.
    pub states: Vec<[f32; KEY_WIDTH]>,
    /// Shares of the salience; they sum to one.
    pub salience: Vec<f32>,
    /// Inverse document frequencies.
    pub rarity: Vec<f32>,
}

/// One question against one stored wording.
#[derive(Clone, Debug)]
pub struct Match<'a> {
    /// The stored wording.
    pub keys: &'a WordingKeys,
    /// How alike the two are.
    pub score: f32,
    /// Inner product of the routing keys.
    similarity: f32,
    /// The question's tokens, each with its best match among the keys.
    question: Covered,
    /// The keys, each with its best match among the question's tokens.
    stored: Covered,
}

/// Tokens of one side, each with its best match on the other.
#[derive(Clone, Debug)]
struct Covered {
    /// Largest cosine of each token.
    cosine: Vec<f32>,
    /// Which token of the other side has it.
    by: Vec<usize>,
    /// Mean cosine, weighted with salience.
    coverage: f32,
}

/// How a candidate stands among the others.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// By how much its score leads the best of the others.
    pub margin: f32,
    /// Logarithm of its share in a softmax over the scores of all.
    pub log_share: f32,
}

impl WordingKeys {
    /// Makes the keys of one wording ready for search.
    #[must_use]
    pub fn new(keys: &QuestionKeys) -> Self {
        let total: f32 = keys.tokens.iter().map(|token| token.salience.to_f32()).sum();
        let tokens = Tokens {
            states: keys.tokens.iter().map(|token| token.key.dequantise()).collect(),
            salience: keys.tokens.iter().map(|token| token.salience.to_f32() / total.max(1e-6)).collect(),
            rarity: keys.tokens.iter().map(|token| f32::from(token.rarity) / 16.0).collect(),
        };
        Self { routing: keys.routing.dequantise(), tokens }
    }
}

impl Tokens {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The least cosine among the salient tokens.
    fn worst(&self, covered: &Covered) -> f32 {
        let largest = self.salience.iter().copied().fold(0.0, f32::max);
        let salient = covered.cosine.iter().zip(&self.salience).filter(|(_, s)| **s > SALIENT * largest);
        salient.map(|(cosine, _)| *cosine).fold(1.0, f32::min)
    }

    /// How rare a token is, and how badly matched.
    fn bare(&self, token: usize, covered: &Covered) -> f32 {
        self.rarity[token] * (1.0 - covered.cosine[token].clamp(0.0, 1.0))
    }
}

impl Covered {
    fn nothing(tokens: usize) -> Self {
        Self { cosine: vec![-1.0; tokens], by: vec![0; tokens], coverage: 0.0 }
    }

    fn see(&mut self, token: usize, other: usize, cosine: f32) {
        if cosine > self.cosine[token] {
            self.cosine[token] = cosine;
            self.by[token] = other;
        }
    }
}

impl<'a> Match<'a> {
    /// Compares a question with a stored wording; `mix` weighs the parts of the score, `similarity` is the inner product
    /// of the routing keys.
    #[must_use]
    pub fn new(reading: &Reading, mix: [f32; 3], similarity: f32, keys: &'a WordingKeys) -> Self {
        let (mut question, mut stored) =
            (Covered::nothing(reading.tokens.len()), Covered::nothing(keys.tokens.len()));
        for (asked, state) in reading.tokens.states.iter().enumerate() {
            for (kept, key) in keys.tokens.states.iter().enumerate() {
                let cosine = dot(state, key);
                question.see(asked, kept, cosine);
                stored.see(kept, asked, cosine);
            }
        }
        question.coverage = dot(&question.cosine, &reading.tokens.salience);
        stored.coverage = dot(&stored.cosine, &keys.tokens.salience);
        let score = mix[0] * similarity + mix[1] * question.coverage + mix[2] * stored.coverage;
        Self { keys, score, similarity, question, stored }
    }

    /// What gate and network look at, in the order of their weights.
    #[must_use]
    pub fn features(&self, reading: &Reading, standing: Standing) -> [f32; MATCH_FEATURES] {
        let tokens = &reading.tokens;
        let rarest_bare =
            (0..tokens.len()).map(|token| tokens.bare(token, &self.question)).fold(0.0, f32::max);
        [
            self.similarity,
            standing.margin.clamp(-LARGEST_MARGIN, LARGEST_MARGIN) / MARGIN_SCALE,
            self.question.coverage,
            self.stored.coverage,
            tokens.worst(&self.question),
            self.keys.tokens.worst(&self.stored),
            standing.log_share.max(LEAST_LOG_SHARE),
            rarest_bare / RARITY_SCALE,
            self.score / SCORE_SCALE,
        ]
    }

    /// The log odds, by the network's account, that question and wording ask the same.
    #[must_use]
    pub fn judged(&self, network: &MatchNetwork, reading: &Reading, features: &[f32; MATCH_FEATURES]) -> f32 {
        let mut pooled = [0.0; POOLED_FEATURES];
        let (whole, sides) = pooled.split_at_mut(MATCH_FEATURES);
        whole.copy_from_slice(features);
        let (question, stored) = sides.split_at_mut(2 * NETWORK_WIDTH);
        pool(&network.tokens, &reading.tokens, &self.keys.tokens, &self.question, question);
        pool(&network.tokens, &self.keys.tokens, &reading.tokens, &self.stored, stored);
        let hidden: [f32; NETWORK_WIDTH] = layer(&network.pooled, &pooled).map(|x| x.max(0.0));
        let [deep]: [f32; 1] = layer(&network.out, &hidden);
        let [direct]: [f32; 1] = layer(&network.linear, features);
        deep + direct
    }
}

/// The first layer over the tokens of one side, each beside its best match: the mean of the outputs, weighted with
/// salience, and then the largest of each.
fn pool(layer_of: &Dense, own: &Tokens, other: &Tokens, covered: &Covered, pooled: &mut [f32]) {
    if other.is_empty() {
        return;
    }
    let (mean, largest) = pooled.split_at_mut(NETWORK_WIDTH);
    for token in 0..own.len() {
        let (state, matched) = (&own.states[token], &other.states[covered.by[token]]);
        let mut inputs = [0.0; TOKEN_FEATURES];
        for (at, (a, b)) in state.iter().zip(matched).enumerate() {
            inputs[at] = a * b;
            inputs[KEY_WIDTH + at] = (a - b).abs();
        }
        inputs[2 * KEY_WIDTH..].copy_from_slice(&[
            covered.cosine[token],
            own.salience[token] * own.len() as f32 / 2.0,
            own.rarity[token] / RARITY_SCALE,
            own.bare(token, covered) / RARITY_SCALE,
        ]);
        let outputs: [f32; NETWORK_WIDTH] = layer(layer_of, &inputs);
        for (at, output) in outputs.into_iter().map(|x| x.max(0.0)).enumerate() {
            mean[at] += own.salience[token] * output;
            largest[at] = largest[at].max(output);
        }
    }
}

fn layer<const OUTPUTS: usize>(layer: &Dense, inputs: &[f32]) -> [f32; OUTPUTS] {
    std::array::from_fn(|output| {
        layer.bias[output] + dot(&layer.weights[output * inputs.len()..][..inputs.len()], inputs)
    })
}
