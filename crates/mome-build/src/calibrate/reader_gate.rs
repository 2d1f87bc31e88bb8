//! The gate that comes with a reader, for packs that have too few wordings to fit one: fitted and calibrated on tables of
//! facts that the reader was not trained on, each as a pack with one wording of every fact, and on changed questions
//! written by hand.

use mome_pack::{CalibratedGate, Calibration, Gate, KnownScores, Scores};
use mome_retrieval::Reader;
use rand::SeedableRng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::answered::Answered;
use super::ask::{Asked, Memory};
use super::fit;
use crate::near_misses::NearMisses;
use crate::progress::{Progress, Stage, counted};
use crate::side_by_side::side_by_side;
use crate::{Contrast, Fact, MemorizeError};

/// Near misses made of each question.
const CHANGES: usize = 8;

/// Parts of the tables, of which each is scored by a gate that was fitted on the others.
const FOLDS: usize = 4;

/// Scores of a kind that are kept, so that a manifest stays small.
const KEPT: usize = 800;

/// Changed questions that are asked of each written one.
const CHANGED_OF_EACH: usize = 2;

/// What a reader's gate was made of. Field names are those of the JSON that `mome gate --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReaderGateReport {
    /// Known questions.
    pub known: usize,
    /// Those of them for which another fact comes first.
    pub confused: usize,
    /// Questions whose fact was hidden.
    pub hidden: usize,
    /// Near misses that rules made.
    pub near_misses: usize,
    /// Near misses that people wrote.
    pub written: usize,
}

/// Makes the gate of a reader from tables and contrasts that it was not trained on, each of which could be a pack. `None`
/// where the tables have too few wordings. Contrasts give near misses: people change what no rule does.
///
/// # Errors
/// [`MemorizeError::Reader`] where a text could not be read.
pub fn reader_gate(
    reader: &dyn Reader,
    tables: &[Vec<Fact>],
    contrasts: &[Vec<Contrast>],
    seed: u64,
    progress: Progress<'_>,
) -> Result<Option<(CalibratedGate, ReaderGateReport)>, MemorizeError> {
    let total = tables.len() + contrasts.len();
    let answered = counted(progress, Stage::Calibrate, total, |done| {
        let ask = |(number, table): (usize, &Vec<Fact>)| {
            let answered = asked_of(reader, table, seed.wrapping_add(number as u64));
            done();
            answered
        };
        let ask_changed = |contrasts: &Vec<Contrast>| {
            let written = changed_of(reader, contrasts, seed)?;
            done();
            Ok(Answered { written, ..Answered::default() })
        };
        let of_tables = tables.iter().enumerate().map(ask);
        of_tables.chain(contrasts.iter().map(ask_changed)).collect::<Result<Vec<_>, MemorizeError>>()
    })?;
    let judges = reader.description().judges;
    let all = together(answered.iter());
    let Some(gate) = fit::fit(&all, None, judges) else { return Ok(None) };
    let gate = rounded_gate(fit::with_confidence(gate, &all));
    let mut calibration = Calibration::default();
    for fold in 0..FOLDS {
        let part = |inside: bool| {
            let tables =
                answered.iter().enumerate().filter(move |(table, _)| (table % FOLDS == fold) == inside);
            together(tables.map(|(_, answered)| answered))
        };
        let Some(gate) = fit::fit(&part(false), None, judges) else { return Ok(None) };
        add(&mut calibration, &part(true).calibration(&gate));
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut thinned = |mut scores: Vec<Scores>| {
        scores.shuffle(&mut random);
        scores.truncate(KEPT);
        scores
    };
    let report = ReaderGateReport {
        known: all.known.len(),
        confused: all.known.iter().filter(|asked| !asked.right).count(),
        hidden: all.hidden.len(),
        near_misses: all.near_misses.len(),
        written: all.written.len(),
    };
    let calibration = Calibration {
        hidden: thinned(calibration.hidden),
        near_misses: thinned(calibration.near_misses),
        written: thinned(calibration.written),
        known: calibration.known,
    };
    Ok(Some((CalibratedGate { gate, calibration }, report)))
}

/// Asks a table's facts, of each of which one wording is in memory: by the others, with the fact there and hidden; and
/// near misses of the one.
fn asked_of(reader: &dyn Reader, table: &[Fact], seed: u64) -> Result<Answered, MemorizeError> {
    let first: Vec<&str> = table.iter().map(|fact| fact.wordings[0].as_str()).collect();
    let memory = Memory::of_questions(reader, &first)?;
    let others: Vec<(usize, &str)> = table
        .iter()
        .enumerate()
        .flat_map(|(fact, of)| of.wordings.iter().skip(1).map(move |text| (fact, text.as_str())))
        .collect();
    let made = NearMisses::new(&table.iter().map(|fact| fact.wordings.clone()).collect::<Vec<_>>());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let changes: Vec<(usize, String)> = table
        .iter()
        .enumerate()
        .flat_map(|(fact, of)| {
            let changes = made.changes(&mut random, fact, &of.wordings[0], CHANGES);
            changes.into_iter().map(move |change| (fact, change.text)).collect::<Vec<_>>()
        })
        .collect();
    let known = |&(fact, text): &(usize, &str)| memory.ask_text(text, Some(fact), None);
    let hidden = |&(fact, text): &(usize, &str)| memory.ask_text(text, None, Some(fact));
    let all = |asked: Result<Vec<Option<Asked>>, MemorizeError>| {
        asked.map(|asked| asked.into_iter().flatten().collect::<Vec<_>>())
    };
    Ok(Answered {
        known: all(side_by_side(&others, known))?,
        hidden: all(side_by_side(&others, hidden))?,
        near_misses: near_misses_asked(&memory, &changes)?,
        ..Answered::default()
    })
}

/// Asks near misses, each with the fact that it was made of.
fn near_misses_asked(memory: &Memory<'_>, made: &[(usize, String)]) -> Result<Vec<Asked>, MemorizeError> {
    let asked = side_by_side(made, |(fact, text)| memory.ask_near_miss(text, *fact))?;
    Ok(asked.into_iter().flatten().collect())
}

/// Asks what is near to written questions and asks something else, of which the questions are in memory.
fn changed_of(reader: &dyn Reader, contrasts: &[Contrast], seed: u64) -> Result<Vec<Asked>, MemorizeError> {
    let first: Vec<&str> = contrasts.iter().map(|contrast| contrast.same[0].as_str()).collect();
    let memory = Memory::of_questions(reader, &first)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let changed: Vec<(usize, String)> = contrasts
        .iter()
        .enumerate()
        .flat_map(|(fact, contrast)| {
            let some = contrast.changed.sample(&mut random, CHANGED_OF_EACH);
            some.map(move |text| (fact, text.clone())).collect::<Vec<_>>()
        })
        .collect();
    near_misses_asked(&memory, &changed)
}

/// What came of several tables.
fn together<'a>(tables: impl Iterator<Item = &'a Answered>) -> Answered {
    let mut all = Answered::default();
    for table in tables {
        all.known.extend(table.known.iter().cloned());
        all.hidden.extend(table.hidden.iter().cloned());
        all.near_misses.extend(table.near_misses.iter().cloned());
        all.written.extend(table.written.iter().cloned());
    }
    all
}

fn add(calibration: &mut Calibration, other: &Calibration) {
    calibration.hidden.extend(&other.hidden);
    calibration.near_misses.extend(&other.near_misses);
    calibration.written.extend(&other.written);
    let KnownScores { count, wrong, .. } = &other.known;
    calibration.known.count += count;
    calibration.known.wrong.extend(wrong);
}

/// Weights in thousandths: as JSON they are read back to the same numbers, and people can read them.
fn rounded_gate(mut gate: Gate) -> Gate {
    let parts = [&mut gate.near, &mut gate.confidence].into_iter().chain(&mut gate.unchanged);
    for number in parts.flat_map(|part| part.weights.iter_mut().chain([&mut part.bias])) {
        *number = (*number * 1000.0).round() / 1000.0;
    }
    gate
}
