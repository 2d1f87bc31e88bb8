//! A query object for a backbone that comes without one: W_query in closed form.
//!
//! Its rows are the principal directions of the states that predict the facts' answers, whitened: scaled so that the
//! states spread alike in each, since the few directions in which a language model's states differ most say least about
//! which place of which answer it is.

use mome_engine::Executor;
use mome_pack::{Attention, Digest, KEY_WIDTH, Projection, Query};
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::principal_directions::{deviations, mean, principal_directions};
use super::trace::trace;
use crate::progress::{Progress, Stage, counted};
use crate::side_by_side::side_by_side;
use crate::{Fact, MemorizeError};

/// How slots are attended to. The order bias is as strong as the match is at most, so that places of a run of equal
/// digits or of a random string, whose states are much alike, are told apart; the gate's word is enough that an
/// accepted expert's slot leads null whatever its match, and for one that is merely attached only a match does.
pub const ATTENTION: Attention =
    Attention { beta: 16.0, gamma: 16.0, null: 12.0, margin: 4.0, accepted: 28.0, cap: 32.0 };

/// Facts whose answers are looked at, drawn by the seed, and states that are kept of them.
const FACTS: usize = 256;
const STATES: usize = 4096;

/// A query object from the answers of some of these facts.
///
/// # Errors
/// What the device reports.
pub(crate) fn make_query(
    executor: &dyn Executor,
    facts: &[&Fact],
    seed: u64,
    progress: Progress<'_>,
) -> Result<Query, MemorizeError> {
    let backbone = executor.backbone();
    let hidden = backbone.config().hidden;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let drawn: Vec<&&Fact> = facts.sample(&mut random, FACTS).collect();
    let traces = counted(progress, Stage::Query, drawn.len(), |done| {
        let run = |fact: &&&Fact| {
            let answer = backbone.frame().answer(backbone.tokenizer(), &fact.answer);
            let traced = pollster::block_on(trace(executor, &fact.wordings[0], &answer));
            done();
            traced
        };
        side_by_side(&drawn, run)
    })?;
    let states: Vec<&[f32]> = traces.iter().flat_map(|trace| trace.hidden.chunks_exact(hidden)).collect();
    let states: Vec<&[f32]> = states.sample(&mut random, STATES).copied().collect();
    Ok(Query {
        backbone: Digest(backbone.digest().unwrap_or_default()),
        projection: Projection::quantize(&whitened(&states, hidden, seed), hidden),
        attention: ATTENTION,
    })
}

/// The principal directions of states, each divided by how far they spread in it, `[KEY_WIDTH, d]`.
fn whitened(states: &[&[f32]], hidden: usize, seed: u64) -> Vec<f32> {
    let mean = mean(states, hidden);
    let mut directions = principal_directions(states, &mean, KEY_WIDTH, seed);
    let deviations = deviations(states, &mean, &directions);
    // Directions in which hardly anything differs are noise, and stay small.
    let least = deviations.iter().fold(0f32, |most, &deviation| most.max(deviation)) * LEAST_DEVIATION;
    for (direction, deviation) in directions.chunks_exact_mut(hidden).zip(deviations) {
        direction.iter_mut().for_each(|x| *x /= deviation.max(least).max(f32::MIN_POSITIVE));
    }
    directions
}

/// Directions that spread less than this share of the widest are not scaled up further.
const LEAST_DEVIATION: f32 = 0.02;
