//! The gate of a pack: fitted on its own wordings where they are enough, and calibrated by them.

use std::collections::BTreeMap;

use mome_pack::CalibratedGate;
use mome_retrieval::Reader as _;
use mome_retrieval::gate::ENOUGH;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::answered::answered;
use super::ask::Memory;
use super::fit;
use super::questions::{Question, known_of, questions};
use crate::files::Journal;
use crate::index::Plan;
use crate::memorize::experts::Held;
use crate::models::Models;
use crate::near_misses::NearMisses;
use crate::progress::{Progress, Stage, counted};
use crate::{Fact, MemorizeError};

/// Questions of a kind that set a threshold: three times as many as alpha needs, within these bounds. More would make
/// it steadier, and each costs a pass of the reranker.
const SETTING: (usize, usize) = (150, 2000);

/// Questions of a kind that fit a gate, at most, and known ones that a gate of the pack's own needs at least.
const FITTING: usize = 200;
const FEWEST_TO_FIT: usize = 40;

/// What a calibration keeps to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CalibrationOptions {
    /// The share of each kind of questions that may be answered wrongly.
    pub(crate) alpha: f64,
    /// Seed of what is drawn.
    pub(crate) seed: u64,
}

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

/// Calibrates a gate for the facts held: fitted on their own wordings where they are enough, else the reader's, whose
/// thresholds for hidden facts and near misses are set. `None` where there is neither gate nor enough wordings.
///
/// # Errors
/// [`MemorizeError::Reader`] where a text could not be read, [`MemorizeError::Write`] where the journal cannot be read.
pub(crate) fn calibrate(
    models: &Models,
    facts: &[&Fact],
    held: &[Held],
    plan: &Plan,
    journal: &mut Journal<'_>,
    options: CalibrationOptions,
    progress: Progress<'_>,
) -> Result<(Option<CalibratedGate>, Option<CalibrationReport>), MemorizeError> {
    let facts: Vec<&Fact> = held.iter().map(|held| facts[held.fact]).collect();
    let memory = Memory::of_journal(models.reader.as_ref(), held, plan, journal)?;
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
    let own = can_fit.then(|| fit::fit(&fitting, reader_gate, models.reader.description().judges)).flatten();
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
