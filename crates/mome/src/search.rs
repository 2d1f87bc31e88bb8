//! Search: which of many experts a question is most like, and what the gate needs to know of the best.

use mome_pack::{Expert, GATE_FEATURES, MATCH_FEATURES, ROUTING_WIDTH};

use crate::matching::{Match, Standing, WordingKeys};
use crate::selection::{Reading, Selection, dot, normalise};

/// How many facts routing hands to cross-attention.
pub const CANDIDATES: usize = 24;

/// How many wordings of each are attended to: those nearest to the question.
pub const WORDINGS: usize = 3;

/// How many of the nearest wordings are asked whose they are.
const NEIGHBOURS: usize = 10;

/// Experts that it takes for the best one's lead to say something. Among fewer it is judged as if another were as good:
/// the only fact of a pack leads whatever is asked.
const FEWEST: usize = 8;

/// Log share below which a candidate is as good as none.
const LEAST_LOG_SHARE: f32 = -14.0;

/// What the network's log odds are divided by as a feature, the last of them.
pub const LOG_ODDS_SCALE: f32 = 5.0;

/// The keys of an expert in floats.
#[derive(Clone, Debug)]
pub struct ExpertKeys {
    /// One for each wording that questions are compared with.
    pub wordings: Vec<WordingKeys>,
}

/// An expert that may hold the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its place in the list that was searched.
    pub expert: usize,
    /// Score of its best wording.
    pub score: f32,
    /// What the gate looks at.
    pub features: [f32; GATE_FEATURES],
}

/// An expert near the question: its nearest wordings, and the best match among them.
struct Near<'a> {
    expert: usize,
    /// Similarities of its wordings in routing, the largest first.
    similarities: Vec<f32>,
    /// Logarithm of the sum of its exponentiated scores.
    log_sum: f32,
    /// Similarity of the question to all its wordings at once: to the direction of the mean of their routing keys.
    to_mean: f32,
    best: Match<'a>,
}

impl ExpertKeys {
    /// Makes an expert's keys ready for search.
    #[must_use]
    pub fn new(expert: &Expert) -> Self {
        let searched = expert.keys.iter().filter(|keys| keys.is_searched());
        Self { wordings: searched.map(WordingKeys::new).collect() }
    }
}

/// Finds the experts that the question is most like, the best first. `hidden(expert, wording)` says which keys
/// the question may not see: calibration hides some, answering none.
#[must_use]
pub fn search(
    reading: &Reading,
    selection: &Selection,
    experts: &[&ExpertKeys],
    hidden: impl Fn(usize, usize) -> bool,
) -> Vec<Candidate> {
    let mut near = nearest(reading, selection.selector().mix, experts, hidden);
    near.sort_by(|a, b| b.best.score.total_cmp(&a.best.score).then(a.expert.cmp(&b.expert)));
    let neighbour = least_of_neighbours(&near);
    (0..near.len())
        .map(|rank| {
            let (one, others) = (&near[rank], Others::of(rank, &near));
            let standing = Standing {
                margin: one.best.score - others.score,
                log_share: log_share(one.best.score, others.log_sum_of_scores),
            };
            let features = one.best.features(reading, standing);
            let judged = one.best.judged(&selection.selector().network, reading, &features);
            let among = one.similarities.iter().filter(|similarity| **similarity >= neighbour).count();
            let features = gate_features(
                &features,
                [
                    others.share_left * among.min(NEIGHBOURS) as f32 / NEIGHBOURS as f32,
                    log_share(one.log_sum, others.log_sum_of_wordings).max(LEAST_LOG_SHARE),
                    one.to_mean,
                    (one.to_mean - others.to_mean).clamp(-1.0, 1.0),
                    judged / LOG_ODDS_SCALE,
                ],
            );
            Candidate { expert: one.expert, score: one.best.score, features }
        })
        .collect()
}

/// What a candidate is measured against: the others, and among few of them its like.
struct Others {
    /// The best score.
    score: f32,
    /// The largest similarity to all wordings at once.
    to_mean: f32,
    log_sum_of_scores: f32,
    log_sum_of_wordings: f32,
    /// The share of what is the candidate's own that its like leaves it.
    share_left: f32,
}

impl Others {
    fn of(rank: usize, near: &[Near<'_>]) -> Self {
        let among_few = near.len() < FEWEST;
        let like = among_few.then_some(&near[rank]);
        let others = || near[..rank].iter().chain(&near[rank + 1..]).chain(like);
        Self {
            score: others().map(|other| other.best.score).fold(f32::NEG_INFINITY, f32::max),
            to_mean: others().map(|other| other.to_mean).fold(-1.0, f32::max),
            log_sum_of_scores: log_sum(others().map(|other| other.best.score)),
            log_sum_of_wordings: log_sum(others().map(|other| other.log_sum)),
            share_left: if among_few { 0.5 } else { 1.0 },
        }
    }
}

/// Logarithm of the share that `exp(own)` has of itself and `exp(others)` together.
fn log_share(own: f32, others: f32) -> f32 {
    own - log_sum([own, others].into_iter())
}

/// The [`CANDIDATES`] experts that are nearest in routing.
fn nearest<'a>(
    reading: &Reading,
    mix: [f32; 3],
    experts: &[&'a ExpertKeys],
    hidden: impl Fn(usize, usize) -> bool,
) -> Vec<Near<'a>> {
    let mut near: Vec<(usize, Vec<(f32, &WordingKeys)>)> = Vec::with_capacity(experts.len());
    for (number, &expert) in experts.iter().enumerate() {
        let wordings = expert.wordings.iter().enumerate().filter(|(wording, _)| !hidden(number, *wording));
        let mut wordings: Vec<_> =
            wordings.map(|(_, keys)| (dot(&reading.routing, &keys.routing), keys)).collect();
        wordings.sort_by(|a, b| b.0.total_cmp(&a.0));
        if !wordings.is_empty() {
            near.push((number, wordings));
        }
    }
    near.sort_by(|a, b| b.1[0].0.total_cmp(&a.1[0].0).then(a.0.cmp(&b.0)));
    near.truncate(CANDIDATES);
    near.into_iter()
        .filter_map(|(expert, wordings)| {
            let matches: Vec<Match<'_>> = wordings
                .iter()
                .take(WORDINGS)
                .map(|&(similarity, keys)| Match::new(reading, mix, similarity, keys))
                .collect();
            let log_sum = log_sum(matches.iter().map(|found| found.score));
            let best = matches.into_iter().reduce(|a, b| if b.score > a.score { b } else { a })?;
            let to_mean = to_mean(reading, wordings.iter().map(|(_, keys)| *keys));
            let similarities = wordings.into_iter().map(|(similarity, _)| similarity).collect();
            Some(Near { expert, similarities, log_sum, to_mean, best })
        })
        .collect()
}

/// Similarity of the question to the direction of the mean of these wordings' routing keys.
fn to_mean<'a>(reading: &Reading, wordings: impl Iterator<Item = &'a WordingKeys>) -> f32 {
    let mut mean = [0.0; ROUTING_WIDTH];
    for keys in wordings {
        mean.iter_mut().zip(&keys.routing).for_each(|(mean, x)| *mean += x);
    }
    normalise(&mut mean);
    dot(&reading.routing, &mean)
}

/// The similarity that a wording needs to be among the [`NEIGHBOURS`] nearest to the question.
fn least_of_neighbours(near: &[Near<'_>]) -> f32 {
    let mut all: Vec<f32> = near.iter().flat_map(|near| near.similarities.iter().copied()).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    all.truncate(NEIGHBOURS);
    all.last().copied().unwrap_or(f32::INFINITY)
}

fn log_sum(scores: impl Iterator<Item = f32> + Clone) -> f32 {
    let top = scores.clone().fold(f32::NEG_INFINITY, f32::max);
    if top == f32::NEG_INFINITY {
        top
    } else {
        top + scores.map(|score| (score - top).exp()).sum::<f32>().ln()
    }
}

fn gate_features(
    features: &[f32; MATCH_FEATURES],
    more: [f32; GATE_FEATURES - MATCH_FEATURES],
) -> [f32; GATE_FEATURES] {
    let mut all = [0.0; GATE_FEATURES];
    all[..MATCH_FEATURES].copy_from_slice(features);
    all[MATCH_FEATURES..].copy_from_slice(&more);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Tokens;
    use crate::selection::tests::plain_selection;

    fn axis<const N: usize>(at: usize) -> [f32; N] {
        let mut axis = [0.0; N];
        axis[at] = 1.0;
        axis
    }

    /// A reading with a token along each of the axes, equally salient.
    fn reading(axes: &[usize]) -> Reading {
        let mut routing = [0.0; ROUTING_WIDTH];
        axes.iter().for_each(|&at| routing[at] = 1.0 / (axes.len() as f32).sqrt());
        let tokens = Tokens {
            states: axes.iter().map(|&at| axis(at)).collect(),
            salience: vec![1.0 / axes.len() as f32; axes.len()],
            rarity: vec![4.0; axes.len()],
        };
        Reading { tokens, routing }
    }

    fn expert(wordings: &[&[usize]]) -> ExpertKeys {
        ExpertKeys { wordings: wordings.iter().map(|axes| WordingKeys::new(&reading(axes).keys())).collect() }
    }

    fn find(
        asked: &[usize],
        experts: &[ExpertKeys],
        hidden: impl Fn(usize, usize) -> bool,
    ) -> Vec<Candidate> {
        search(&reading(asked), &plain_selection(), &experts.iter().collect::<Vec<_>>(), hidden)
    }

    #[test]
    fn the_expert_with_the_same_tokens_comes_first() {
        let experts = [expert(&[&[0, 1, 2]]), expert(&[&[5, 6], &[0, 1, 3]]), expert(&[&[7, 8]])];
        let found = find(&[0, 1, 3], &experts, |_, _| false);
        assert_eq!(found[0].expert, 1);
        let [similarity, margin, question, key, worst_question, worst_key, log_share, bare, ..] =
            found[0].features;
        assert!(
            similarity > 0.99 && question > 0.99 && key > 0.99 && worst_question > 0.99 && worst_key > 0.99
        );
        assert!(
            margin == 0.0 && log_share > -0.7 && bare < 0.01,
            "among few it is taken to have its like: {found:?}"
        );
        assert!(found[1].features[1] < 0.0, "the second is led by the first");
        assert!(found[1].features[7] > 0.4, "token 3 is covered by no key of the second");
    }

    #[test]
    fn what_is_hidden_is_not_found() {
        let experts = [expert(&[&[0, 1]]), expert(&[&[0, 1], &[2, 3]])];
        let found = find(&[0, 1], &experts, |expert, _| expert == 0);
        assert_eq!(found.iter().map(|candidate| candidate.expert).collect::<Vec<_>>(), [1]);
        let found = find(&[0, 1], &experts, |expert, wording| (expert, wording) == (1, 0));
        assert_eq!(found[0].expert, 0);
        assert!(found[1].score < found[0].score);
    }

    #[test]
    fn a_lone_expert_leads_nothing() {
        let experts = [expert(&[&[0, 1]])];
        let found = find(&[4, 5], &experts, |_, _| false);
        let [_, margin, .., agreement, log_share, to_mean, lead, _] = found[0].features;
        assert_eq!((margin, agreement, lead), (0.0, 0.05, 0.0));
        assert!((log_share - 0.5f32.ln()).abs() < 1e-6 && to_mean < 0.1, "{found:?}");
        assert!(find(&[0], &[], |_, _| false).is_empty());
    }

    #[test]
    fn among_many_the_best_leads_by_its_own() {
        let axes: Vec<[usize; 2]> = (0..10).map(|at| [2 * at, 2 * at + 1]).collect();
        let experts: Vec<ExpertKeys> = axes.iter().map(|axes| expert(&[axes])).collect();
        let found = find(&[4, 5], &experts, |_, _| false);
        let [_, margin, .., agreement, log_share, to_mean, lead, _] = found[0].features;
        assert_eq!((found[0].expert, agreement), (2, 0.1));
        assert!(margin > 0.5 && log_share > -0.01 && to_mean > 0.99 && lead > 0.5, "{found:?}");
        assert!(found[1].features[1] < -0.5, "the second is led by the first");
    }
}
