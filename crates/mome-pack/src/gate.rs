//! The gate: whether the best match is good enough, and scores of questions whose right reply is known.

use serde::{Deserialize, Serialize};

use crate::PackError;
use crate::bytes::{Reader, Writer, floats};

/// How many features the gate looks at.
pub const GATE_FEATURES: usize = 14;

/// A logistic regression: the log odds that the best candidate holds the answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// One weight for each feature.
    pub weights: [f32; GATE_FEATURES],
    /// Added to the weighted sum.
    pub bias: f32,
}

/// What the gate scored on questions whose right reply is known, so that a threshold can be set for any alpha.
/// Scores are log odds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Scores of questions that the pack does not answer.
    pub unknown: Vec<f32>,
    /// Scores of questions that it does.
    pub known: KnownScores,
}

/// Scores of calibration questions that the pack answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownScores {
    /// How many there were.
    pub count: u64,
    /// Scores of those whose best expert was another fact's.
    pub wrong: Vec<f32>,
}

/// A gate and the scores that its thresholds come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedGate {
    /// The gate.
    pub gate: Gate,
    /// What it scored on questions that it was not fitted on.
    pub calibration: Calibration,
}

impl Gate {
    /// Log odds for these features.
    #[must_use]
    pub fn log_odds(&self, features: &[f32; GATE_FEATURES]) -> f32 {
        self.bias + self.weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum::<f32>()
    }
}

impl CalibratedGate {
    /// Whether all of its numbers are finite.
    pub(crate) fn is_finite(&self) -> bool {
        let Self { gate, calibration: Calibration { unknown, known } } = self;
        let numbers = gate.weights.iter().chain([&gate.bias]).chain(unknown).chain(&known.wrong);
        numbers.into_iter().all(|number| number.is_finite())
    }

    pub(crate) fn write(&self, writer: &mut Writer) -> Result<(), PackError> {
        let Self { gate, calibration: Calibration { unknown, known } } = self;
        writer.f32s(&gate.weights);
        writer.f32(gate.bias);
        writer.count32(unknown.len(), "scores of unknown questions")?;
        writer.f32s(unknown);
        writer.count32(known.count as usize, "known questions")?;
        writer.count32(known.wrong.len(), "scores of wrong replies")?;
        writer.f32s(&known.wrong);
        Ok(())
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, PackError> {
        let gate = Gate { weights: floats(reader, "gate")?, bias: reader.f32("gate")? };
        let count = reader.u32("count of scores of unknown questions")? as usize;
        let unknown = reader.f32s(count, "scores of unknown questions")?;
        let known = reader.u32("count of known questions")?.into();
        let count = reader.u32("count of scores of wrong replies")? as usize;
        let wrong = reader.f32s(count, "scores of wrong replies")?;
        Ok(Self { gate, calibration: Calibration { unknown, known: KnownScores { count: known, wrong } } })
    }
}
