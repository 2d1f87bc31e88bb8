//! Ranking: how near a question is in sense to each of many facts, by the embeddings of their wordings.
//!
//! Kernel ridge regression of "whose wording is this?" over the wordings nearest to the question (Rasmussen and Williams,
//! Gaussian Processes for Machine Learning, 2006, equation 2.25, with a kernel that falls with the angle). With one
//! wording a fact it ranks as the cosine does; where a fact has many, those that say the same share their word, and those
//! that stand alone keep theirs.

use mome_pack::Expert;

use crate::vectors::dot;

/// How many of the nearest wordings take part.
const NEIGHBORS: usize = 100;

/// How fast the kernel `exp((cosine - 1) / WIDTH)` falls.
const WIDTH: f64 = 0.4;

/// The ridge: how far a wording is from speaking for its fact alone.
const RIDGE: f64 = 0.05;

/// Facts that it takes for the best one's lead to say something. Among fewer it is judged as if another were as good:
/// the only fact of a pack leads whatever is asked.
const FEWEST: usize = 8;

/// What is searched of a fact: its wordings in floats.
#[derive(Clone, Debug, Default)]
pub struct FactKeys {
    /// One for each stored wording.
    pub wordings: Vec<WordingKeys>,
}

/// A wording in floats.
#[derive(Clone, Debug)]
pub struct WordingKeys {
    /// Its embedding, of length one.
    pub embedding: Vec<f32>,
    /// Its tokens in the encoder's vocabulary.
    pub tokens: Vec<u32>,
}

/// A fact as near as it is to the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Its place in the list that was searched.
    pub fact: usize,
    /// Its wording nearest to the question.
    pub wording: usize,
    /// Cosine similarity of that wording.
    pub cosine: f32,
    /// Mean cosine similarity of its wordings.
    pub mean_cosine: f32,
    /// How many of its wordings are seen.
    pub wordings: usize,
    /// What the regression gives it: 1 for a question that is one of its wordings, 0 for one that has nothing to do with
    /// it.
    pub nearness: f32,
}

impl FactKeys {
    /// Makes an expert's wordings ready for search.
    #[must_use]
    pub fn new(expert: &Expert) -> Self {
        let keys = expert.wordings.iter().map(|wording| WordingKeys {
            embedding: wording.routing.dequantize(),
            tokens: wording.tokens.clone(),
        });
        Self { wordings: keys.collect() }
    }
}

/// A wording among the nearest.
struct Neighbor<'a> {
    fact: usize,
    keys: &'a WordingKeys,
    cosine: f32,
}

/// Ranks facts by how near they are, the nearest first. `hidden(fact, wording)` says which wordings the question may
/// not see: calibration hides some. A fact without a wording left is passed over.
#[must_use]
pub fn rank(embedding: &[f32], facts: &[&FactKeys], hidden: impl Fn(usize, usize) -> bool) -> Vec<Near> {
    let mut ranked: Vec<Near> = Vec::with_capacity(facts.len());
    let mut neighbors: Vec<Neighbor<'_>> = Vec::new();
    for (fact, keys) in facts.iter().enumerate() {
        let seen = keys.wordings.iter().enumerate().filter(|(wording, _)| !hidden(fact, *wording));
        let mut near: Option<Near> = None;
        for (wording, keys) in seen {
            let cosine = dot(embedding, &keys.embedding);
            neighbors.push(Neighbor { fact: ranked.len(), keys, cosine });
            let near = near.get_or_insert(Near {
                fact,
                wording,
                cosine,
                mean_cosine: 0.0,
                wordings: 0,
                nearness: 0.0,
            });
            near.wordings += 1;
            near.mean_cosine += (cosine - near.mean_cosine) / near.wordings as f32;
            if cosine > near.cosine {
                (near.wording, near.cosine) = (wording, cosine);
            }
        }
        ranked.extend(near);
    }
    neighbors.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.fact.cmp(&b.fact)));
    neighbors.truncate(NEIGHBORS);
    for (neighbor, weight) in neighbors.iter().zip(weights(&neighbors)) {
        ranked[neighbor.fact].nearness += weight as f32;
    }
    let nearer = |a: &Near, b: &Near| {
        b.nearness.total_cmp(&a.nearness).then(b.cosine.total_cmp(&a.cosine)).then(a.fact.cmp(&b.fact))
    };
    ranked.sort_by(nearer);
    ranked
}

/// By how much each fact's largest similarity leads that of every other one; less than zero where it lags. Among few facts
/// there may be another as good.
#[must_use]
pub fn leads(ranked: &[Near]) -> Vec<f32> {
    let mut best = (usize::MAX, -1.0);
    let mut second = -1.0;
    for near in ranked {
        if near.cosine > best.1 {
            (best, second) = ((near.fact, near.cosine), best.1);
        } else if near.cosine > second {
            second = near.cosine;
        }
    }
    let most = if ranked.len() < FEWEST { 0.0 } else { f32::INFINITY };
    let lead = |near: &Near| near.cosine - if near.fact == best.0 { second } else { best.1 };
    ranked.iter().map(|near| lead(near).min(most)).collect()
}

/// The weight of each neighbour: `(K + RIDGE I)^-1 k`, by Cholesky's decomposition.
fn weights(neighbors: &[Neighbor<'_>]) -> Vec<f64> {
    let kernel = |cosine: f32| ((f64::from(cosine) - 1.0) / WIDTH).exp();
    let count = neighbors.len();
    // The lower triangle, row by row.
    let mut lower = vec![vec![0f64; count]; count];
    for row in 0..count {
        for column in 0..=row {
            let (a, b) = (&neighbors[row].keys.embedding, &neighbors[column].keys.embedding);
            let ridge = if row == column { RIDGE } else { 0.0 };
            let known: f64 = (0..column).map(|at| lower[row][at] * lower[column][at]).sum();
            let rest = kernel(dot(a, b)) + ridge - known;
            lower[row][column] =
                if row == column { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / lower[column][column] };
        }
    }
    let mut weights: Vec<f64> = neighbors.iter().map(|neighbor| kernel(neighbor.cosine)).collect();
    for row in 0..count {
        let known: f64 = (0..row).map(|at| lower[row][at] * weights[at]).sum();
        weights[row] = (weights[row] - known) / lower[row][row];
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|at| lower[at][row] * weights[at]).sum();
        weights[row] = (weights[row] - known) / lower[row][row];
    }
    weights
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vectors::normalize;

    fn unit(mut vector: Vec<f32>) -> Vec<f32> {
        normalize(&mut vector);
        vector
    }

    fn fact(wordings: &[&[f32]]) -> FactKeys {
        let keys = |wording: &&[f32]| WordingKeys { embedding: unit(wording.to_vec()), tokens: Vec::new() };
        FactKeys { wordings: wordings.iter().map(keys).collect() }
    }

    #[test]
    fn a_stored_wording_comes_first_and_is_near() {
        let facts = [fact(&[&[1.0, 0.0, 0.0]]), fact(&[&[0.6, 0.8, 0.0], &[0.0, 1.0, 0.0]])];
        let facts: Vec<&FactKeys> = facts.iter().collect();
        let ranked = rank(&unit(vec![0.6, 0.8, 0.0]), &facts, |_, _| false);
        assert_eq!((ranked[0].fact, ranked[0].wording, ranked[0].wordings), (1, 0, 2));
        assert!(ranked[0].nearness > 0.8 && ranked[1].nearness < 0.3, "{ranked:?}");
    }

    #[test]
    fn what_is_hidden_is_not_seen() {
        let facts = [fact(&[&[1.0, 0.0]]), fact(&[&[0.9, 0.1], &[0.0, 1.0]])];
        let facts: Vec<&FactKeys> = facts.iter().collect();
        let question = unit(vec![0.95, 0.05]);
        let ranked = rank(&question, &facts, |fact, wording| (fact, wording) == (1, 0));
        assert_eq!(
            ranked.iter().map(|near| (near.fact, near.wordings)).collect::<Vec<_>>(),
            [(0, 1), (1, 1)]
        );
        assert_eq!(rank(&question, &facts, |fact, _| fact == 1).len(), 1);
    }

    #[test]
    fn several_wordings_near_by_outweigh_one_that_is_a_little_nearer() {
        let facts =
            [fact(&[&[1.0, 0.4, 0.0]]), fact(&[&[1.0, -0.4, 0.3], &[1.0, -0.4, -0.3], &[1.0, -0.45, 0.0]])];
        let facts: Vec<&FactKeys> = facts.iter().collect();
        let ranked = rank(&unit(vec![1.0, 0.0, 0.0]), &facts, |_, _| false);
        assert_eq!(ranked[0].fact, 1, "{ranked:?}");
        assert!(ranked[0].cosine < ranked[1].cosine);
    }

    #[test]
    fn the_best_leads_the_second_and_the_others_lag_behind_the_best() {
        let facts: Vec<FactKeys> = (0..FEWEST).map(|at| fact(&[&[1.0, at as f32 / 10.0]])).collect();
        let facts: Vec<&FactKeys> = facts.iter().collect();
        let ranked = rank(&unit(vec![1.0, 0.0]), &facts, |_, _| false);
        let leads = leads(&ranked);
        assert!((leads[0] - (ranked[0].cosine - ranked[1].cosine)).abs() < 1e-6 && leads[0] > 0.0);
        assert!((leads[2] - (ranked[2].cosine - ranked[0].cosine)).abs() < 1e-6);
        assert!(super::leads(&ranked[..FEWEST - 1])[0] == 0.0, "among few facts none leads");
    }

    proptest! {
        /// The weights solve the system, whatever the wordings are; equal ones included.
        #[test]
        fn weights_solve_their_system(
            vectors in prop::collection::vec(prop::collection::vec(-1f32..1.0, 5), 1..20),
            twice in any::<bool>(),
        ) {
            let mut facts: Vec<FactKeys> = vectors.iter().map(|vector| fact(&[vector])).collect();
            if twice {
                facts.extend(facts.clone());
            }
            let question = unit(vectors[0].clone());
            let neighbors: Vec<Neighbor<'_>> = facts.iter().enumerate().map(|(fact, keys)| {
                let keys = &keys.wordings[0];
                Neighbor { fact, keys, cosine: dot(&question, &keys.embedding) }
            }).collect();
            let weights = weights(&neighbors);
            let kernel = |cosine: f32| ((f64::from(cosine) - 1.0) / WIDTH).exp();
            for (at, row) in neighbors.iter().enumerate() {
                let left: f64 = neighbors.iter().zip(&weights)
                    .map(|(other, weight)| kernel(dot(&row.keys.embedding, &other.keys.embedding)) * weight)
                    .sum();
                prop_assert!((left + RIDGE * weights[at] - kernel(row.cosine)).abs() < 1e-5);
            }
        }
    }
}
