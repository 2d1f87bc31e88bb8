//! Calibration questions after they were asked, and what a gate scores on them.

use std::collections::BTreeMap;

use mome_pack::{Calibration, Gate, KnownScores, Scores};

use super::ask::{Asked, Hidden, Memory};
use super::questions::{Question, QuestionKind};
use crate::MemorizeError;
use crate::side_by_side::side_by_side;

/// Questions of the three kinds, after they were asked.
#[derive(Default)]
pub(super) struct Answered {
    pub(super) known: Vec<Asked>,
    pub(super) hidden: Vec<Asked>,
    pub(super) near_misses: Vec<Asked>,
    /// Near misses that people wrote.
    pub(super) written: Vec<Asked>,
    pub(super) near_miss_kinds: BTreeMap<&'static str, usize>,
    pub(super) held_out: usize,
}

/// Asks all of them.
pub(super) fn answered(
    memory: &Memory<'_>,
    questions: &[Question],
    done: &(dyn Fn() + Sync),
) -> Result<Answered, MemorizeError> {
    let ask = |question: &Question| {
        let fact = question.fact;
        let asked = match &question.kind {
            QuestionKind::Known(wording) => memory.ask(fact, *wording, Hidden::Wording),
            QuestionKind::Hidden(wording) => memory.ask(fact, *wording, Hidden::Fact),
            QuestionKind::NearMiss { text, .. } => memory.ask_near_miss(text, fact),
        };
        done();
        asked
    };
    let asked = side_by_side(questions, ask)?;
    let mut answered = Answered::default();
    for (question, asked) in questions.iter().zip(asked) {
        let Some(asked) = asked else { continue };
        match &question.kind {
            QuestionKind::Known(_) => answered.known.push(asked),
            QuestionKind::Hidden(_) => answered.hidden.push(asked),
            QuestionKind::NearMiss { kind, held_out, .. } => {
                answered.near_misses.push(asked);
                *answered.near_miss_kinds.entry(kind.name()).or_insert(0) += 1;
                answered.held_out += usize::from(*held_out);
            }
        }
    }
    Ok(answered)
}

impl Answered {
    /// What a gate scores on them.
    pub(super) fn calibration(&self, gate: &Gate) -> Calibration {
        let scores = |asked: &[Asked]| asked.iter().map(|asked| rounded(asked.best.scores(gate))).collect();
        let known = |right: bool| {
            let known = self.known.iter().filter(|asked| asked.right == right);
            known.map(|asked| rounded(asked.best.scores(gate))).collect()
        };
        Calibration {
            hidden: scores(&self.hidden),
            near_misses: scores(&self.near_misses),
            written: scores(&self.written),
            known: KnownScores { count: self.known.len() as u64, wrong: known(false), right: known(true) },
        }
    }
}

/// Hundredths of log odds are enough, and keep the manifest small.
fn rounded(scores: Scores) -> Scores {
    let rounded = |score: f32| (score * 100.0).round() / 100.0;
    Scores { near: rounded(scores.near), unchanged: rounded(scores.unchanged) }
}
