//! The gate: whether the best fact may answer, and scores of questions whose right reply is known.

use serde::{Deserialize, Serialize};

/// Features that the two parts of the gate may have, at most.
const MAX_FEATURES: usize = 64;

/// Two decisions, of which each can refuse: that the question is near the fact in sense, and that nothing was changed
/// that makes it another question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Log odds that the fact is the one that is asked for, as far as sense tells.
    pub near: Logistic,
    /// Log odds that nothing was changed; `None` where no reranker judges.
    pub unchanged: Option<Logistic>,
    /// Log odds that an answer is right, by what both parts say together.
    pub confidence: Logistic,
}

/// A logistic regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// One weight for each feature.
    pub weights: Vec<f32>,
    /// Added to the weighted sum.
    pub bias: f32,
}

/// What both parts of a gate say of a question and the best fact, as log odds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(f32, f32)", into = "(f32, f32)")]
pub struct Scores {
    /// Of the part that looks at how near it is in sense.
    pub near: f32,
    /// Of the part that looks for a change; 0 where there is no such part.
    pub unchanged: f32,
}

/// What the gate scored on questions whose right reply is known, so that thresholds can be set for any alpha.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Scores of questions whose fact was hidden.
    pub hidden: Vec<Scores>,
    /// Scores of near misses: questions made from stored ones by a change of one thing.
    pub near_misses: Vec<Scores>,
    /// Scores of near misses that people wrote, where a reader comes with some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<Scores>,
    /// Scores of questions that the pack answers.
    pub known: KnownScores,
}

/// Scores of calibration questions that the pack answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownScores {
    /// How many there were.
    pub count: u64,
    /// Scores of those whose best fact was another one.
    pub wrong: Vec<Scores>,
    /// Scores of others, or of some of them: of two ways to keep a promise the one that answers more of these is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub right: Vec<Scores>,
}

impl From<(f32, f32)> for Scores {
    fn from((near, unchanged): (f32, f32)) -> Self {
        Self { near, unchanged }
    }
}

impl From<Scores> for (f32, f32) {
    fn from(scores: Scores) -> Self {
        (scores.near, scores.unchanged)
    }
}

/// A gate and the scores that its thresholds come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedGate {
    /// The gate.
    pub gate: Gate,
    /// What it scored on questions that it was not fitted on.
    pub calibration: Calibration,
}

impl Logistic {
    /// Log odds for these features.
    ///
    /// # Panics
    /// Where there are not as many as weights.
    #[must_use]
    pub fn log_odds(&self, features: &[f32]) -> f32 {
        assert_eq!(features.len(), self.weights.len(), "a feature for each weight");
        self.bias + self.weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum::<f32>()
    }
}

impl CalibratedGate {
    /// What is wrong with it, where something is.
    pub(crate) fn problem(&self) -> Option<String> {
        let Self { gate: Gate { near, unchanged, confidence }, calibration } = self;
        let parts = || [near, confidence].into_iter().chain(unchanged);
        if parts().any(|part| part.weights.len() > MAX_FEATURES) {
            return Some("has too many features".to_owned());
        }
        let Calibration { hidden, near_misses, written, known } = calibration;
        let weights = parts().flat_map(|part| part.weights.iter().chain([&part.bias]));
        // JSON holds numbers that are too large for 32 bits.
        let scores = hidden.iter().chain(near_misses).chain(written).chain(&known.wrong).chain(&known.right);
        let mut numbers = weights.copied().chain(scores.flat_map(|scores| [scores.near, scores.unchanged]));
        if !numbers.all(f32::is_finite) {
            return Some("holds a number that is not finite".to_owned());
        }
        (known.wrong.len() as u64 > known.count)
            .then(|| "counts fewer known questions than wrong replies".to_owned())
    }
}
