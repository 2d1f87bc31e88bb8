//! Asks a pack questions whose right replies are known, and counts.

use mome::{Answer, AnswerOptions, Mome, MomeError, Reason};
use mome_pack::WordingHash;
use serde::Serialize;
use web_time::Instant;

use super::metrics::{Judged, Metrics, Rate};
use crate::Question;

/// What came of the questions. Field names are those of the JSON that `mome eval --json` prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evaluation {
    /// How many were asked.
    pub questions: u64,
    /// Those that the pack should answer.
    pub known: KnownCounts,
    /// Those that it should not.
    pub unknown: UnknownCounts,
    /// Those whose wording is stored in the pack.
    pub exact_canonical: WordingCounts,
    /// The shares with their 95 % intervals. Stored wordings are not counted.
    pub rates: Rates,
    /// What the confidences are worth. Stored wordings are not counted.
    pub confidence: Metrics,
    /// How long a reply took.
    pub latency_ms: Latency,
}

/// Shares of the questions whose wording is not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Answered right, of known questions.
    pub right_of_known: Rate,
    /// Answered wrongly, of known questions.
    pub wrong_of_known: Rate,
    /// Left unanswered because the draft did not verify, of known questions.
    pub unverified_of_known: Rate,
    /// Answered, of unknown questions.
    pub answered_of_unknown: Rate,
}

/// Replies to questions that the pack should answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KnownCounts {
    /// How many there were.
    pub total: u64,
    /// The text was the answer.
    pub right: u64,
    /// Another answer was given.
    pub wrong: u64,
    /// "I don't know".
    pub abstained: u64,
}

/// Replies to questions that the pack should not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnknownCounts {
    /// How many there were.
    pub total: u64,
    /// An answer was given all the same.
    pub answered: u64,
    /// "I don't know".
    pub abstained: u64,
}

/// Replies to questions whose wording is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WordingCounts {
    /// How many there were.
    pub total: u64,
    /// The text was the answer.
    pub right: u64,
}

/// Quantiles of the time that a reply took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
}

/// Asks all questions, one after another. `replied` is called with each answer.
///
/// # Errors
/// What [`Mome::answer`] reports, for the first question that cannot be handled.
pub async fn evaluate(
    mome: &Mome,
    questions: &[Question],
    options: &AnswerOptions,
    mut replied: impl FnMut(&Question, &Answer),
) -> Result<Evaluation, MomeError> {
    let experts = mome.pack().all_experts().await?;
    let stored: std::collections::HashSet<WordingHash> =
        experts.iter().flat_map(|expert| &expert.wordings).map(|wording| wording.hash).collect();
    let mut evaluation = Evaluation { questions: questions.len() as u64, ..Evaluation::default() };
    let mut milliseconds = Vec::with_capacity(questions.len());
    let mut reworded = Reworded::default();
    for question in questions {
        let started = Instant::now();
        let answer = mome.answer(&question.question, options).await?;
        milliseconds.push(started.elapsed().as_secs_f64() * 1000.0);
        let is_stored = stored.contains(&WordingHash::of(&question.question));
        evaluation.count(question, &answer, is_stored);
        if !is_stored {
            reworded.count(question, &answer);
        }
        replied(question, &answer);
    }
    evaluation.rates = reworded.rates();
    evaluation.confidence = Metrics::of(&reworded.judged);
    milliseconds.sort_by(f64::total_cmp);
    evaluation.latency_ms = Latency { p50: quantile(&milliseconds, 0.5), p95: quantile(&milliseconds, 0.95) };
    Ok(evaluation)
}

impl Evaluation {
    fn count(&mut self, question: &Question, answer: &Answer, stored: bool) {
        match &question.answer {
            Some(right) => {
                let is_right = answer.known && answer.text == *right;
                self.known.total += 1;
                self.known.right += u64::from(is_right);
                self.known.wrong += u64::from(answer.known && !is_right);
                self.known.abstained += u64::from(!answer.known);
                if stored {
                    self.exact_canonical.total += 1;
                    self.exact_canonical.right += u64::from(is_right);
                }
            }
            None => {
                self.unknown.total += 1;
                self.unknown.answered += u64::from(answer.known);
                self.unknown.abstained += u64::from(!answer.known);
            }
        }
    }
}

/// Questions whose wording is not stored.
#[derive(Default)]
struct Reworded {
    judged: Vec<Judged>,
    known: u64,
    right: u64,
    wrong: u64,
    unverified: u64,
    answered_unknown: u64,
}

impl Reworded {
    fn count(&mut self, question: &Question, answer: &Answer) {
        let best = match answer.facts.first() {
            Some(fact) => Some(&fact.id),
            None => answer.suggestions.first().map(|suggestion| &suggestion.id),
        };
        // Facts with equal answers serve each other's questions.
        let is_right = match &question.answer {
            Some(right) => {
                (answer.known && answer.text == *right) || (best.is_some() && best == question.id.as_ref())
            }
            None => false,
        };
        let known = question.answer.is_some();
        self.judged.push(Judged { confidence: answer.confidence.into(), right: is_right, known });
        if known {
            self.known += 1;
            self.right += u64::from(answer.known && is_right);
            self.wrong += u64::from(answer.known && !is_right);
            self.unverified += u64::from(answer.reason == Some(Reason::Unverified));
        } else {
            self.answered_unknown += u64::from(answer.known);
        }
    }

    fn rates(&self) -> Rates {
        let of_known = |part| Rate::of(part, self.known);
        Rates {
            right_of_known: of_known(self.right),
            wrong_of_known: of_known(self.wrong),
            unverified_of_known: of_known(self.unverified),
            answered_of_unknown: Rate::of(self.answered_unknown, self.judged.len() as u64 - self.known),
        }
    }
}

/// The nearest-rank quantile of sorted values; 0 of none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.95), 4.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
