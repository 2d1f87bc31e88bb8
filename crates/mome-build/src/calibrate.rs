//! Calibration of a pack's gate, without data from outside: a stored wording left out of its fact is a known question;
//! with its whole fact hidden it asks for what is not there; and near misses are made of it. All go through the index
//! and the beam that will ship.

mod ask;
mod fit;
mod reader_gate;

pub use reader_gate::{ReaderGateReport, reader_gate};

use std::collections::BTreeMap;

use mome::gate::ENOUGH;
use mome_pack::{CalibratedGate, Calibration, Gate, KnownScores, Scores};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::build_index::Plan;
use crate::journal::Journal;
use crate::make_experts::Held;
use crate::memorize::MemorizeOptions;
use crate::models::Models;
use crate::near_misses::{ChangeKind, NearMisses};
use crate::stage::{Progress, Stage, counted};
use crate::{Fact, MemorizeError};
use ask::{Asked, Hidden, Memory};

/// Questions of a kind that set a threshold: three times as many as alpha needs, within these bounds. More would make
/// it steadier, and each costs a pass of the reranker.
const SETTING: (usize, usize) = (150, 2000);

/// Questions of a kind that fit a gate, at most, and known ones that a gate of the pack's own needs at least.
const FITTING: usize = 200;
const FEWEST_TO_FIT: usize = 40;

/// Near misses that are made of one question at most. None are made of paraphrases: what is changed in a long one may be a
/// detail that does not change what is asked.
const CHANGES_A_QUESTION: usize = 8;

/// What calibrated a pack's gate. Field names are those of the JSON that `mome memorize --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibrationReport {
    /// Whether the weights were fitted on the pack's own wordings; else they are the reader's.
    pub fitted: bool,
    /// Known questions whose scores set the threshold.
    pub known: usize,
    /// Questions whose fact was hidden.
    pub hidden: usize,
    /// Near misses.
    pub near_misses: usize,
    /// How many near misses there are of each kind.
    pub near_miss_kinds: BTreeMap<&'static str, usize>,
    /// Near misses whose rule no reader was trained on.
    pub held_out: usize,
    /// Questions that fitted the weights.
    pub fitted_on: usize,
}

/// A question that is put to the memory.
struct Question {
    /// The fact that it was made of, as a number among those held.
    fact: usize,
    kind: QuestionKind,
}

enum QuestionKind {
    /// A stored wording, by its number, that is left out itself.
    Known(usize),
    /// A stored wording whose whole fact is left out.
    Hidden(usize),
    /// A question made of a wording by changing one thing.
    NearMiss { text: String, kind: ChangeKind, held_out: bool },
}

/// Questions of the three kinds, after they were asked.
#[derive(Default)]
struct Answered {
    known: Vec<Asked>,
    hidden: Vec<Asked>,
    near_misses: Vec<Asked>,
    /// Near misses that people wrote.
    written: Vec<Asked>,
    near_miss_kinds: BTreeMap<&'static str, usize>,
    held_out: usize,
}

/// Calibrates a gate for the facts held: fitted on their own wordings where they are enough, else the reader's, whose
/// thresholds for hidden facts and near misses are set. `None` where there is neither gate nor enough wordings.
///
/// # Errors
/// [`MemorizeError::Mome`] where the reader could not be run, [`MemorizeError::Write`] where the journal cannot be read.
pub(crate) fn calibrate(
    models: &Models,
    facts: &[&Fact],
    held: &[Held],
    plan: &Plan,
    journal: &mut Journal,
    options: &MemorizeOptions,
    progress: Progress<'_>,
) -> Result<(Option<CalibratedGate>, Option<CalibrationReport>), MemorizeError> {
    let facts: Vec<&Fact> = held.iter().map(|held| facts[held.fact]).collect();
    let memory = Memory::of_journal(&models.reader, held, plan, journal)?;
    let mut order: Vec<usize> = (0..facts.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed));

    let setting = ((ENOUGH / options.alpha).ceil() as usize).clamp(SETTING.0, SETTING.1);
    let spare = order.iter().filter(|&&fact| memory.wordings(fact) > 1).count();
    let can_fit = spare > 1 && known_of(&order, &memory).len() >= FEWEST_TO_FIT;
    // Half of the facts fit the gate and the others set its thresholds; where nothing is fitted all set them.
    let fits = if can_fit { order.split_off(order.len() / 2) } else { Vec::new() };
    let sets = order;
    let made = NearMisses::new(&facts.iter().map(|fact| fact.wordings.clone()).collect::<Vec<_>>());
    let fitting = questions(&fits, &facts, &memory, &made, FITTING, options.seed);
    let setting = questions(&sets, &facts, &memory, &made, setting, options.seed.wrapping_add(1));

    let total = fitting.len() + setting.len();
    let [fitting, setting] = counted(progress, Stage::Calibrate, total, |done| {
        let ask = |questions: &[Question]| answered(&memory, questions, done);
        Ok::<_, MemorizeError>([ask(&fitting)?, ask(&setting)?])
    })?;
    let reader_gate = models.reader_gate.as_ref().map(|calibrated| &calibrated.gate);
    let own = can_fit.then(|| fit::fit(&fitting, reader_gate, models.reader.judges())).flatten();
    let own = own.map(|gate| fit::with_confidence(gate, &setting));
    let fitted = own.is_some();
    let Some(gate) = own.or_else(|| reader_gate.cloned()) else { return Ok((None, None)) };
    let report = CalibrationReport {
        fitted,
        known: setting.known.len(),
        hidden: setting.hidden.len(),
        near_misses: setting.near_misses.len(),
        near_miss_kinds: setting.near_miss_kinds.clone(),
        held_out: setting.held_out,
        fitted_on: fitting.known.len() + fitting.hidden.len() + fitting.near_misses.len(),
    };
    let calibration = setting.calibration(&gate);
    Ok((Some(CalibratedGate { gate, calibration }), Some(report)))
}

/// The stored wordings of these facts that can be left out: those of facts that keep another.
fn known_of(facts: &[usize], memory: &Memory<'_>) -> Vec<(usize, usize)> {
    in_turn(facts, |fact| if memory.wordings(fact) > 1 { memory.wordings(fact) } else { 0 })
}

/// The wordings of these facts, the first of each fact, then the second of each, and so on, each as fact and number.
fn in_turn(facts: &[usize], count: impl Fn(usize) -> usize) -> Vec<(usize, usize)> {
    let most = facts.iter().map(|&fact| count(fact)).max().unwrap_or(0);
    (0..most)
        .flat_map(|wording| facts.iter().map(move |&fact| (fact, wording)))
        .filter(|&(fact, wording)| wording < count(fact))
        .collect()
}

/// At most `most` questions of each kind, of these facts in their order.
fn questions(
    facts: &[usize],
    texts: &[&Fact],
    memory: &Memory<'_>,
    made: &NearMisses,
    most: usize,
    seed: u64,
) -> Vec<Question> {
    let known = known_of(facts, memory).into_iter().take(most);
    let known = known.map(|(fact, wording)| Question { fact, kind: QuestionKind::Known(wording) });
    let hidden = in_turn(facts, |fact| memory.wordings(fact)).into_iter().take(most);
    let hidden = hidden.map(|(fact, wording)| Question { fact, kind: QuestionKind::Hidden(wording) });
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Of some wordings nothing can be made.
    let near_misses: Vec<_> = facts
        .iter()
        .take(2 * most)
        .map(|&fact| (fact, made.changes(&mut random, fact, &texts[fact].wordings[0], CHANGES_A_QUESTION)))
        .collect();
    // One of each question first, so that no fact speaks for all.
    let in_rounds = (0..CHANGES_A_QUESTION).flat_map(|round| {
        near_misses.iter().filter_map(move |(fact, changes)| Some((*fact, changes.get(round)?)))
    });
    let near_misses = in_rounds.take(most).map(|(fact, change)| Question {
        fact,
        kind: QuestionKind::NearMiss {
            text: change.text.clone(),
            kind: change.kind,
            held_out: change.held_out,
        },
    });
    known.chain(hidden).chain(near_misses).collect()
}

/// Asks all of them.
fn answered(
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
    let asked = questions.par_iter().map(ask).collect::<Result<Vec<_>, _>>()?;
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
    fn calibration(&self, gate: &Gate) -> Calibration {
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
