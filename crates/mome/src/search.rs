//! Selection by cross-attention: the question's tokens against the question keys of candidate experts
//! (docs/design.md, "Selection"; `features` names what the gate looks at).

use mome_pack::{Expert, GATE_FEATURES, KEY_WIDTH, QuestionKeys, ROUTING_WIDTH};

use crate::selection::{Reading, dot};

/// How many facts routing hands to cross-attention.
pub const CANDIDATES: usize = 24;

/// How many wordings of each are attended to: those nearest to the question.
pub const WORDINGS: usize = 3;

/// By how much the best score may lead the second in the gate's eyes.
const LARGEST_MARGIN: f32 = 20.0;

/// A token counts as salient where its salience is more than this share of the largest.
const SALIENT: f32 = 0.4;

/// The keys of an expert in floats.
#[derive(Clone, Debug)]
pub struct ExpertKeys {
    /// One for each wording that is kept.
    pub wordings: Vec<WordingKeys>,
}

/// The keys of one wording in floats.
#[derive(Clone, Debug)]
pub struct WordingKeys {
    routing: [f32; ROUTING_WIDTH],
    tokens: Vec<[f32; KEY_WIDTH]>,
    /// Sums to one.
    salience: Vec<f32>,
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

impl ExpertKeys {
    /// Makes an expert's keys ready for search: those of its wordings that are searched.
    #[must_use]
    pub fn new(expert: &Expert) -> Self {
        let searched = expert.keys.iter().filter(|keys| keys.is_searched());
        Self { wordings: searched.map(WordingKeys::new).collect() }
    }
}

impl WordingKeys {
    /// Makes the keys of one wording ready for search.
    #[must_use]
    pub fn new(keys: &QuestionKeys) -> Self {
        let total: f32 = keys.tokens.iter().map(|token| token.salience.to_f32()).sum();
        Self {
            routing: keys.routing.dequantise(),
            tokens: keys.tokens.iter().map(|token| token.key.dequantise()).collect(),
            salience: keys.tokens.iter().map(|token| token.salience.to_f32() / total.max(1e-6)).collect(),
        }
    }

    /// The routing key.
    #[must_use]
    pub fn routing(&self) -> &[f32; ROUTING_WIDTH] {
        &self.routing
    }
}

/// One question against the keys of one wording.
struct Match<'a> {
    expert: usize,
    keys: &'a WordingKeys,
    score: f32,
    /// Inner product of the routing keys.
    similarity: f32,
    /// For each token of the question, the best match among the keys.
    covered: Vec<f32>,
    /// For each key, the best match among the question's tokens.
    used: Vec<f32>,
    /// Mean of `covered`, weighted with the question's salience.
    question_coverage: f32,
    /// Mean of `used`, weighted with the keys' salience.
    key_coverage: f32,
}

/// Finds the experts that the question is most like, the best first. `hidden(expert, wording)` says which keys
/// the question may not see: calibration hides some, answering none.
#[must_use]
pub fn search(
    reading: &Reading,
    mix: [f32; 3],
    experts: &[&ExpertKeys],
    hidden: impl Fn(usize, usize) -> bool,
) -> Vec<Candidate> {
    let mut matches = best_matches(reading, mix, experts, hidden);
    matches.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.expert.cmp(&b.expert)));
    let Some(top) = matches.first().map(|best| best.score) else { return Vec::new() };
    let log_total = top + matches.iter().map(|found| (found.score - top).exp()).sum::<f32>().ln();
    matches
        .iter()
        .enumerate()
        .map(|(rank, found)| {
            let rival = if rank == 0 { matches.get(1) } else { matches.first() };
            let rival = rival.map_or(f32::NEG_INFINITY, |other| other.score);
            let margin = (found.score - rival).clamp(-LARGEST_MARGIN, LARGEST_MARGIN);
            let features = features(reading, found, margin, found.score - log_total);
            Candidate { expert: found.expert, score: found.score, features }
        })
        .collect()
}

/// The best match of each of the [`CANDIDATES`] experts that are nearest in routing.
fn best_matches<'a>(
    reading: &Reading,
    mix: [f32; 3],
    experts: &[&'a ExpertKeys],
    hidden: impl Fn(usize, usize) -> bool,
) -> Vec<Match<'a>> {
    let mut near: Vec<(usize, Vec<(f32, &WordingKeys)>)> = Vec::with_capacity(experts.len());
    for (number, &expert) in experts.iter().enumerate() {
        let wordings = expert.wordings.iter().enumerate().filter(|(wording, _)| !hidden(number, *wording));
        let mut wordings: Vec<_> =
            wordings.map(|(_, keys)| (dot(&reading.routing, &keys.routing), keys)).collect();
        wordings.sort_by(|a, b| b.0.total_cmp(&a.0));
        wordings.truncate(WORDINGS);
        if !wordings.is_empty() {
            near.push((number, wordings));
        }
    }
    near.sort_by(|a, b| b.1[0].0.total_cmp(&a.1[0].0).then(a.0.cmp(&b.0)));
    near.truncate(CANDIDATES);
    near.into_iter()
        .filter_map(|(expert, wordings)| {
            let matches = wordings
                .into_iter()
                .map(|(similarity, keys)| Match::new(reading, mix, expert, similarity, keys));
            matches.reduce(|best, other| if other.score > best.score { other } else { best })
        })
        .collect()
}

impl<'a> Match<'a> {
    fn new(reading: &Reading, mix: [f32; 3], expert: usize, similarity: f32, keys: &'a WordingKeys) -> Self {
        let mut covered = vec![-1f32; reading.tokens.len()];
        let mut used = vec![-1f32; keys.tokens.len()];
        for (covered, token) in covered.iter_mut().zip(&reading.tokens) {
            for (used, key) in used.iter_mut().zip(&keys.tokens) {
                let cosine = dot(&token.state, key);
                *covered = covered.max(cosine);
                *used = used.max(cosine);
            }
        }
        let question_coverage =
            covered.iter().zip(&reading.tokens).map(|(x, token)| x * token.salience).sum();
        let key_coverage = dot(&used, &keys.salience);
        let score = mix[0] * similarity + mix[1] * question_coverage + mix[2] * key_coverage;
        Self { expert, keys, score, similarity, covered, used, question_coverage, key_coverage }
    }
}

/// What the gate looks at, in the order of its weights.
fn features(reading: &Reading, found: &Match<'_>, margin: f32, log_share: f32) -> [f32; GATE_FEATURES] {
    let salience: Vec<f32> = reading.tokens.iter().map(|token| token.salience).collect();
    let bare = reading.tokens.iter().zip(&found.covered);
    let rarest_bare = bare.map(|(token, covered)| token.rarity * (1.0 - covered.clamp(0.0, 1.0)));
    [
        found.similarity,
        margin / 10.0,
        found.question_coverage,
        found.key_coverage,
        worst_covered(&found.covered, &salience),
        worst_covered(&found.used, &found.keys.salience),
        log_share.max(1e-6f32.ln()),
        rarest_bare.fold(0.0, f32::max) / 8.0,
    ]
}

/// The least coverage among the salient tokens.
fn worst_covered(coverage: &[f32], salience: &[f32]) -> f32 {
    let largest = salience.iter().copied().fold(0.0, f32::max);
    let salient = coverage.iter().zip(salience).filter(|(_, salience)| **salience > SALIENT * largest);
    salient.map(|(coverage, _)| *coverage).fold(1.0, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::ReaderToken;

    fn axis<const N: usize>(at: usize) -> [f32; N] {
        let mut axis = [0.0; N];
        axis[at] = 1.0;
        axis
    }

    /// A reading with a token along each of the axes, equally salient.
    fn reading(axes: &[usize]) -> Reading {
        let mut routing = [0.0; ROUTING_WIDTH];
        axes.iter().for_each(|&at| routing[at] = 1.0 / (axes.len() as f32).sqrt());
        let salience = 1.0 / axes.len() as f32;
        let tokens = axes.iter().map(|&at| ReaderToken { state: axis(at), salience, rarity: 4.0 }).collect();
        Reading { tokens, routing }
    }

    fn expert(wordings: &[&[usize]]) -> ExpertKeys {
        ExpertKeys { wordings: wordings.iter().map(|axes| WordingKeys::new(&reading(axes).keys())).collect() }
    }

    const MIX: [f32; 3] = [10.0, 10.0, 10.0];

    #[test]
    fn the_expert_with_the_same_tokens_comes_first() {
        let experts = [expert(&[&[0, 1, 2]]), expert(&[&[5, 6], &[0, 1, 3]]), expert(&[&[7, 8]])];
        let experts: Vec<_> = experts.iter().collect();
        let found = search(&reading(&[0, 1, 3]), MIX, &experts, |_, _| false);
        assert_eq!(found[0].expert, 1);
        let [similarity, margin, question, key, worst_question, worst_key, log_share, bare] =
            found[0].features;
        assert!(
            similarity > 0.99 && question > 0.99 && key > 0.99 && worst_question > 0.99 && worst_key > 0.99
        );
        assert!(margin > 0.5 && log_share > -0.01 && bare < 0.01, "{found:?}");
        assert!(found[1].features[1] < 0.0, "the second is led by the first");
        assert!(found[1].features[7] > 0.4, "token 3 is covered by no key of the second");
    }

    #[test]
    fn what_is_hidden_is_not_found() {
        let experts = [expert(&[&[0, 1]]), expert(&[&[0, 1], &[2, 3]])];
        let experts: Vec<_> = experts.iter().collect();
        let found = search(&reading(&[0, 1]), MIX, &experts, |expert, _| expert == 0);
        assert_eq!(found.iter().map(|candidate| candidate.expert).collect::<Vec<_>>(), [1]);
        let found = search(&reading(&[0, 1]), MIX, &experts, |expert, wording| (expert, wording) == (1, 0));
        assert_eq!(found[0].expert, 0);
        assert!(found[1].score < found[0].score);
    }

    #[test]
    fn a_lone_expert_leads_by_the_largest_margin() {
        let experts = [expert(&[&[0, 1]])];
        let found = search(&reading(&[4, 5]), MIX, &experts.iter().collect::<Vec<_>>(), |_, _| false);
        assert_eq!(found[0].features[1], LARGEST_MARGIN / 10.0);
        assert!(search(&reading(&[0]), MIX, &[], |_, _| false).is_empty());
    }
}
