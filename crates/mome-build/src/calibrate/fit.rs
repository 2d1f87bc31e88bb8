//! Fitting of a gate on questions whose right reply is known.

use mome_pack::{Gate, Logistic};
use mome_retrieval::gate::{CONFIDENCE_FEATURES, confidence_features};
use mome_retrieval::judging::{NEAR_FEATURES, SENSE_FEATURES, UNCHANGED_FEATURES, unchanged_features};

use super::answered::Answered;
use super::ask::Asked;
use super::logistic::{self, Labeled};

/// How much the weights of a pack's own gate are drawn to those of the reader's, and those of a reader's own to zero.
const PULL: f64 = 0.01;
const PULL_TO_ZERO: f64 = 1e-3;

/// How often questions of each kind are asked, as confidence has it: known ones four times as often as such whose fact is not
/// there, and near misses seldom.
const ASKED: [f64; 3] = [4.0, 1.0, 0.3];

/// Fits the parts of a gate: nearness tells known questions whose best fact is right from confused and hidden ones, and
/// the other part the same known ones from near misses. `towards` is the gate whose weights the first is drawn to, and
/// whose other part is taken as it is. `None` where there is nothing to tell apart.
pub(super) fn fit(questions: &Answered, towards: Option<&Gate>, judges: bool) -> Option<Gate> {
    let right: Vec<&Asked> = questions.known.iter().filter(|asked| asked.right).collect();
    let confused: Vec<&Asked> = questions.known.iter().filter(|asked| !asked.right).collect();
    let hidden: Vec<&Asked> = questions.hidden.iter().collect();
    if right.is_empty() || hidden.is_empty() {
        return None;
    }
    let near = |asked: &Asked| match (judges, asked.best.judged) {
        (true, Some(judged)) => Some(asked.best.near_features(judged).to_vec()),
        (true, None) => None,
        (false, _) => Some(asked.best.sense_features().to_vec()),
    };
    let wrong = [confused, hidden].concat();
    let features = if judges { NEAR_FEATURES } else { SENSE_FEATURES };
    let zero = |features: usize| Logistic { weights: vec![0.0; features], bias: 0.0 };
    let near = labeled(&right, &wrong, near);
    let near = match towards {
        Some(gate) => fitted(&near, &gate.near, PULL),
        None => fitted(&near, &zero(features), PULL_TO_ZERO),
    };
    // What a change is does not depend on the pack: with the reader's weights its near misses count for the pack too.
    let unchanged = towards.and_then(|gate| gate.unchanged.clone()).filter(|_| judges).or_else(|| {
        let changed: Vec<&Asked> = questions.near_misses.iter().chain(&questions.written).collect();
        let unchanged = |asked: &Asked| asked.best.judged.map(|judged| unchanged_features(judged).to_vec());
        judges.then(|| fitted(&labeled(&right, &changed, unchanged), &zero(UNCHANGED_FEATURES), PULL_TO_ZERO))
    });
    let mut confidence = Logistic { weights: vec![0.0; CONFIDENCE_FEATURES], bias: 0.0 };
    confidence.weights[0] = 1.0;
    Some(Gate { near, unchanged, confidence })
}

/// Fits the confidence of a gate on questions that its parts were not fitted on.
pub(super) fn with_confidence(gate: Gate, questions: &Answered) -> Gate {
    let near_misses = [questions.near_misses.as_slice(), &questions.written].concat();
    let kinds = [&questions.known, &questions.hidden, &near_misses];
    let examples: Vec<Labeled> = kinds
        .into_iter()
        .zip(ASKED)
        .flat_map(|(asked, share)| {
            let weight = share / asked.len().max(1) as f64;
            let gate = &gate;
            asked.iter().map(move |asked| Labeled {
                features: confidence_features(gate, asked.best.scores(gate)).to_vec(),
                flag: asked.right,
                weight,
            })
        })
        .collect();
    let confidence = fitted(&examples, &gate.confidence, PULL_TO_ZERO);
    Gate { confidence, ..gate }
}

/// Fits one part, drawn to some weights. No weight is below zero: each feature speaks for the fact, and what looks otherwise is
/// chance.
fn fitted(examples: &[Labeled], towards: &Logistic, pull: f64) -> Logistic {
    let features = towards.weights.len();
    let mut used = vec![true; features];
    loop {
        let masked = |values: &[f32]| {
            values.iter().zip(&used).map(|(&value, &used)| if used { value } else { 0.0 }).collect::<Vec<_>>()
        };
        let examples: Vec<Labeled> = examples
            .iter()
            .map(|example| Labeled { features: masked(&example.features), ..example.clone() })
            .collect();
        let start = Logistic { weights: masked(&towards.weights), bias: towards.bias };
        let mut fitted = logistic::fit(&examples, &start, pull);
        let against = (0..features).filter(|&at| used[at] && fitted.weights[at] < 0.0).collect::<Vec<_>>();
        if against.is_empty() {
            fitted
                .weights
                .iter_mut()
                .zip(&used)
                .filter(|(_, used)| !**used)
                .for_each(|(weight, _)| *weight = 0.0);
            return fitted;
        }
        against.into_iter().for_each(|at| used[at] = false);
    }
}

/// Examples of both sides, which weigh the same together.
fn labeled(
    right: &[&Asked],
    wrong: &[&Asked],
    features: impl Fn(&Asked) -> Option<Vec<f32>>,
) -> Vec<Labeled> {
    let side = |asked: &[&Asked], flag: bool| {
        let weight = 1.0 / asked.len().max(1) as f64;
        let one = |asked: &&Asked| Some(Labeled { features: features(asked)?, flag, weight });
        asked.iter().filter_map(one).collect::<Vec<_>>()
    };
    [side(right, true), side(wrong, false)].concat()
}
