//! The second job of an answer: which of the pack's facts is asked for, and whether the gate lets it answer.

use mome_pack::{Expert, WordingHash};
use mome_retrieval::gate::{Decision, log_odds, probability};
use mome_retrieval::judging::{Candidate, candidates};
use mome_retrieval::ranking::FactKeys;
use mome_store::Fetched;

use crate::answer::{MAX_SUGGESTIONS, Suggestion};
use crate::pack::Experts;
use crate::read::ReadQuestion;
use crate::{Mome, MomeError};

/// What may answer a question: the experts near it, and which of them is chosen.
pub struct Selected {
    experts: Vec<Expert>,
    candidates: Vec<(Candidate, f32)>,
    choice: Option<Choice>,
    /// What was fetched for it.
    pub fetched: Fetched,
}

/// The best candidate, and whether it may answer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    expert: usize,
    log_odds: f32,
    confidence: f32,
    accepted: bool,
}

/// The expert that may answer.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    /// Its fact is the one asked for.
    pub expert: &'a Expert,
    /// The log odds of that: infinite for a stored wording.
    pub log_odds: f32,
    /// The probability of that.
    pub confidence: f32,
}

impl Selected {
    /// The id of the best candidate, with the log odds that it is the one asked for: infinite for a stored wording.
    #[must_use]
    pub fn best(&self) -> Option<(&str, f32)> {
        let choice = self.choice?;
        Some((&self.experts[choice.expert].id, choice.log_odds))
    }

    /// The expert that may answer, if one may.
    #[must_use]
    pub fn accepted(&self) -> Option<Accepted<'_>> {
        let Choice { expert, log_odds, confidence, .. } = self.choice.filter(|choice| choice.accepted)?;
        Some(Accepted { expert: &self.experts[expert], log_odds, confidence })
    }

    /// The probability that the best candidate is the one asked for.
    pub(crate) fn confidence(&self) -> f32 {
        self.choice.map_or(0.0, |choice| choice.confidence)
    }

    /// The nearest facts, the most probable first.
    pub(crate) fn suggestions(&self) -> Vec<Suggestion> {
        let nearest = self.candidates.iter().take(MAX_SUGGESTIONS);
        let mut suggestions: Vec<Suggestion> = nearest
            .map(|(candidate, log_odds)| {
                let expert = &self.experts[candidate.near.fact];
                Suggestion {
                    id: expert.id.clone(),
                    question: expert.question.clone(),
                    score: probability(*log_odds),
                }
            })
            .collect();
        suggestions.sort_by(|a, b| b.score.total_cmp(&a.score));
        suggestions
    }
}

impl Mome {
    /// Finds the experts near the question and chooses: the expert that stores the question's very wording; else the
    /// best candidate, which may answer if the gate accepts it.
    ///
    /// # Errors
    /// [`MomeError`] where a shard cannot be had or read, or the device fails.
    pub async fn select(
        &self,
        question: &ReadQuestion<'_>,
        decision: Option<&Decision>,
    ) -> Result<Selected, MomeError> {
        let Experts { experts, fetched } = self.pack().experts_near(&question.reading.embedding).await?;
        let wording = WordingHash::of(question.text);
        let stored = experts.iter().position(|expert| expert.wordings.iter().any(|own| own.hash == wording));
        if let Some(expert) = stored {
            let choice = Choice { expert, log_odds: f32::INFINITY, confidence: 1.0, accepted: true };
            return Ok(Selected { experts, candidates: Vec::new(), choice: Some(choice), fetched });
        }
        let keys: Vec<FactKeys> = experts.iter().map(FactKeys::new).collect();
        let keys: Vec<&FactKeys> = keys.iter().collect();
        let candidates = candidates(self.reader().as_ref(), &question.reading, &keys, |_, _| false).await?;
        // Without a gate nothing is trusted but stored wordings.
        let judge = |candidate: &Candidate| match decision {
            None => (f32::NEG_INFINITY, false),
            Some(Decision { gate, thresholds }) => {
                let scores = candidate.scores(gate);
                (log_odds(gate, scores), thresholds.is_some_and(|thresholds| thresholds.accept(scores)))
            }
        };
        let choice = candidates.first().map(|candidate| {
            let (log_odds, accepted) = judge(candidate);
            let confidence = probability(log_odds);
            Choice { expert: candidate.near.fact, log_odds, confidence, accepted }
        });
        let candidates = candidates.into_iter().map(|candidate| {
            let (log_odds, _) = judge(&candidate);
            (candidate, log_odds)
        });
        Ok(Selected { candidates: candidates.collect(), experts, choice, fetched })
    }
}
