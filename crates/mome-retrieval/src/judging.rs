//! Judging: the reranker looks at the question beside the nearest wording of each of the best facts, and what it says
//! becomes what the gate decides by.

use mome_engine::RerankLogits;

use crate::ranking::{FactKeys, Near, leads, rank};
use crate::vectors::log_sum_exp;
use crate::{Reader, ReaderError, Reading};

/// How many facts are judged: the nearest ones, each by its nearest wording.
pub const JUDGED: usize = 3;

/// How much the reranker's word counts in the order of the facts that it judged, and the bounds within which it does.
const WORD: f32 = 0.03;
const WORD_BOUNDS: (f32, f32) = (-3.0, 4.0);

/// A lead, or a difference of logits, beyond these says no more; a similarity this far above one is none.
const MOST_LEAD: f32 = 0.3;
const MOST_LOGIT: f32 = 6.0;
const PAST_ONE: f32 = 1.05;

/// How many features the part of a gate has that looks at nearness: without a reranker, and with one.
pub const SENSE_FEATURES: usize = 4;
/// Two more than [`SENSE_FEATURES`]: what the reranker says.
pub const NEAR_FEATURES: usize = SENSE_FEATURES + 2;

/// How many features the part has that looks for changes.
pub const UNCHANGED_FEATURES: usize = 1;

/// What the gate looks at to tell whether anything was changed: same against changed.
#[must_use]
pub fn unchanged_features(judged: RerankLogits) -> [f32; UNCHANGED_FEATURES] {
    [(judged.same - judged.changed).clamp(-MOST_LOGIT, MOST_LOGIT)]
}

/// A fact that may be the one asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// How near it is in sense.
    pub near: Near,
    /// What the reranker says of its nearest wording; `None` where it was not judged.
    pub judged: Option<RerankLogits>,
    /// By how much its similarity leads that of every other fact: see [`leads`].
    pub lead: f32,
}

impl Candidate {
    /// What the gate looks at to tell whether the question is near, where no reranker judges: the largest similarity
    /// and the mean one, so that what is close to one counts most; what the regression gives; lead.
    #[must_use]
    pub fn sense_features(&self) -> [f32; SENSE_FEATURES] {
        let close = |cosine: f32| -(PAST_ONE - cosine.min(1.0)).ln();
        let Near { cosine, mean_cosine, nearness, .. } = self.near;
        [close(cosine), close(mean_cosine), nearness, self.lead.clamp(-MOST_LEAD, MOST_LEAD)]
    }

    /// The same where one does: also same against other, and same against all that is not the same.
    #[must_use]
    pub fn near_features(&self, judged: RerankLogits) -> [f32; NEAR_FEATURES] {
        let [largest, mean, nearness, lead] = self.sense_features();
        let RerankLogits { same, changed, other } = judged;
        let bounded = |logit: f32| logit.clamp(-MOST_LOGIT, MOST_LOGIT);
        [largest, mean, nearness, lead, bounded(same - other), bounded(same - log_sum_exp(changed, other))]
    }

    /// Where it stands among the candidates.
    fn mark(&self) -> f32 {
        let (least, most) = WORD_BOUNDS;
        let word = self.judged.map_or(least, |RerankLogits { same, other, .. }| same - other);
        self.near.nearness + WORD * word.clamp(least, most)
    }
}

/// Finds the facts that a question may ask for, the best first. `hidden(fact, wording)` says which wordings it may not
/// see.
///
/// # Errors
/// As [`Reader::judge`].
pub async fn candidates(
    reader: &dyn Reader,
    reading: &Reading,
    facts: &[&FactKeys],
    hidden: impl Fn(usize, usize) -> bool,
) -> Result<Vec<Candidate>, ReaderError> {
    let ranked = rank(&reading.embedding, facts, hidden);
    let tokens = |near: &Near| facts[near.fact].wordings[near.wording].tokens.as_slice();
    let nearest: Vec<&[u32]> = ranked.iter().take(JUDGED).map(tokens).collect();
    let judgements = reader.judge(&reading.tokens, &nearest).await?;
    let mut judgements = judgements.into_iter();
    let leads = leads(&ranked);
    let mut candidates: Vec<Candidate> = ranked
        .into_iter()
        .zip(leads)
        .map(|(near, lead)| Candidate { near, judged: judgements.next(), lead })
        .collect();
    candidates.sort_by(|a, b| b.mark().total_cmp(&a.mark()).then(a.near.fact.cmp(&b.near.fact)));
    Ok(candidates)
}
