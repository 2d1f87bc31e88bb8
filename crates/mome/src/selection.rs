//! The trained projections at work: from a question's hidden states to what is compared with experts' keys
//! (docs/design.md, "Selection").

use std::collections::HashMap;

use half::f16;
use mome_pack::{MAX_QUESTION_TOKENS, QuestionKeys, ROUTING_WIDTH, Selector, TokenKey, UnitVector};

use crate::matching::Tokens;

/// Added to the mean square of a state before it is divided by its root.
const NORM_EPSILON: f32 = 1e-6;

/// A selector with its projections in floats, ready to read questions.
#[derive(Clone, Debug)]
pub struct Selection {
    selector: Selector,
    /// `[ROUTING_WIDTH, D]`
    route: Vec<f32>,
    /// `[KEY_WIDTH, D]`
    read: Vec<f32>,
    counts: HashMap<u32, u32>,
}

/// What a question, or a wording, reads like in key space.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its own tokens.
    pub tokens: Tokens,
    /// Routing key, of length one.
    pub routing: [f32; ROUTING_WIDTH],
}

impl Selection {
    /// Makes a selector ready.
    #[must_use]
    pub fn new(selector: Selector) -> Self {
        let (route, read) = (selector.route.dequantise(), selector.read.dequantise());
        let counts = selector.counts.iter().copied().collect();
        Self { selector, route, read, counts }
    }

    /// The selector itself.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The layers whose states [`Selection::read`] wants.
    #[must_use]
    pub fn layers(&self) -> Vec<usize> {
        self.selector.layers.iter().map(|&layer| layer as usize).collect()
    }

    /// Reads a question: `states` are `[tokens, D]` as [`join_states`] makes them, `ids` its tokens.
    ///
    /// # Panics
    /// Where `states` has not `D` values for each token.
    #[must_use]
    pub fn read(&self, states: &[f32], ids: &[u32]) -> Reading {
        let selector = &self.selector;
        let width = selector.width();
        assert_eq!(states.len(), ids.len() * width, "a row of states for each token");
        let mut tokens = Tokens::default();
        let mut sum = vec![0.0; width];
        for (row, &id) in states.chunks_exact(width).zip(ids) {
            let x: Vec<f32> = row.iter().zip(&selector.mean).map(|(state, mean)| state - mean).collect();
            let rarity = self.rarity(id);
            let [slope, offset] = selector.salience_of_idf;
            tokens.salience.push(softplus(slope * rarity + offset + dot(&x, &selector.salience)));
            tokens.rarity.push(rarity);
            tokens.states.push(unit(project(&self.read, &x)));
            sum.iter_mut().zip(&x).for_each(|(sum, x)| *sum += x);
        }
        let total: f32 = tokens.salience.iter().sum();
        tokens.salience.iter_mut().for_each(|salience| *salience /= total.max(1e-6));
        Reading { tokens, routing: unit(project(&self.route, &sum)) }
    }

    /// Inverse document frequency of a token.
    #[must_use]
    pub fn rarity(&self, token: u32) -> f32 {
        let count = self.counts.get(&token).copied().unwrap_or(0);
        ((self.selector.wordings as f32 + 1.0) / (count as f32 + 0.5)).ln()
    }
}

impl Reading {
    /// What an expert keeps of this wording: its most salient tokens, in their order.
    #[must_use]
    pub fn keys(&self) -> QuestionKeys {
        let Tokens { states, salience, rarity } = &self.tokens;
        let mut kept: Vec<usize> = (0..self.tokens.len()).collect();
        kept.sort_by(|&a, &b| salience[b].total_cmp(&salience[a]).then(a.cmp(&b)));
        kept.truncate(MAX_QUESTION_TOKENS);
        kept.sort_unstable();
        let token = |&at: &usize| TokenKey {
            key: UnitVector::quantise(&states[at]),
            salience: f16::from_f32(salience[at]),
            // A cast saturates; rarities are logarithms of counts, and lie between 0 and 16.
            rarity: (rarity[at] * 16.0).round() as u8,
        };
        QuestionKeys {
            routing: UnitVector::quantise(&self.routing),
            tokens: kept.iter().map(token).collect(),
        }
    }
}

/// Puts the states of several layers, `[tokens, d]` each, side by side: each normalised to a root mean square of
/// one, `[tokens, layers * d]`. Only the tokens of `range` are kept.
#[must_use]
pub fn join_states(layers: &[Vec<f32>], hidden: usize, range: std::ops::Range<usize>) -> Vec<f32> {
    let mut joined = Vec::with_capacity(range.len() * layers.len() * hidden);
    for token in range {
        for states in layers {
            let row = &states[token * hidden..(token + 1) * hidden];
            let mean_square = row.iter().map(|x| x * x).sum::<f32>() / hidden as f32;
            let scale = 1.0 / (mean_square + NORM_EPSILON).sqrt();
            joined.extend(row.iter().map(|x| x * scale));
        }
    }
    joined
}

/// `[N, D]` times `[D]`.
fn project<const N: usize>(weights: &[f32], x: &[f32]) -> [f32; N] {
    std::array::from_fn(|row| dot(&weights[row * x.len()..][..x.len()], x))
}

fn unit<const N: usize>(mut vector: [f32; N]) -> [f32; N] {
    normalise(&mut vector);
    vector
}

/// Scales a vector to length one; leaves zero alone.
pub fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

/// The inner product, summed in eight lanes so that it vectorises, and the same on every machine.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0f32; 8];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { x.exp().ln_1p() }
}

#[cfg(test)]
pub(crate) mod tests {
    use mome_pack::{Attention, KEY_WIDTH, MatchNetwork, Projection};

    use super::*;

    /// A selection that weighs all parts of a score alike and has nothing trained.
    pub(crate) fn plain_selection() -> Selection {
        let projection = |rows: usize| Projection::quantise(&vec![1.0; rows], 1);
        Selection::new(Selector {
            layers: vec![0],
            hidden: 1,
            mean: vec![0.0],
            route: projection(ROUTING_WIDTH),
            read: projection(KEY_WIDTH),
            query: projection(KEY_WIDTH),
            salience: vec![0.0],
            salience_of_idf: [0.0, 0.0],
            mix: [10.0; 3],
            attention: Attention {
                beta: 16.0,
                gamma: 8.0,
                null: 12.0,
                margin: 4.0,
                accepted: 14.0,
                cap: 20.0,
            },
            wordings: 0,
            counts: Vec::new(),
            network: MatchNetwork::default(),
            gate: None,
        })
    }

    #[test]
    fn the_inner_product_takes_every_component() {
        let a: Vec<f32> = (0..19).map(|i| i as f32).collect();
        assert_eq!(dot(&a, &a), (0..19).map(|i| (i * i) as f32).sum::<f32>());
    }

    #[test]
    fn only_the_most_salient_tokens_are_kept_in_order() {
        let tokens = Tokens {
            states: (0..17).map(|at| [at as f32 + 1.0; KEY_WIDTH]).collect(),
            salience: (0..17).map(|at| if at == 3 { 0.0 } else { 0.05 }).collect(),
            rarity: vec![1.0; 17],
        };
        let reading = Reading { tokens, routing: [1.0; ROUTING_WIDTH] };
        let kept = reading.keys().tokens;
        assert_eq!(kept.len(), MAX_QUESTION_TOKENS);
        assert!(kept.iter().all(|token| token.salience > f16::ZERO));
    }

    #[test]
    fn states_are_joined_by_token_and_normalised_by_layer() {
        let layers = [vec![3.0, 4.0, 1.0, 1.0], vec![0.0, 2.0, 5.0, 5.0]];
        let joined = join_states(&layers, 2, 1..2);
        assert_eq!(joined.len(), 4);
        assert!(joined.iter().all(|x| (x - 1.0).abs() < 1e-4), "{joined:?}");
    }
}
