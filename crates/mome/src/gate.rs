//! The gate: whether the best candidate is good enough to answer with.

use mome_pack::{CalibratedGate, Calibration, Gate};

/// The gate that decides, for some alpha.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// What gives the log odds.
    pub gate: &'a Gate,
    /// Log odds above which questions are answered; `None` where no calibration has enough questions for this alpha,
    /// and only stored wordings are answered.
    pub threshold: Option<f32>,
    /// Whether it is the gate that comes with the selector, not the pack's own.
    pub from_selector: bool,
}

/// Which gate decides: the pack's own, or where it was calibrated on too few questions for this `alpha`, the one that
/// comes with its selector. `None` where there is neither.
#[must_use]
pub fn decision<'a>(
    own: Option<&'a CalibratedGate>,
    of_selector: Option<&'a CalibratedGate>,
    alpha: f64,
) -> Option<Decision<'a>> {
    let decide = |calibrated: &'a CalibratedGate, from_selector: bool| Decision {
        gate: &calibrated.gate,
        threshold: threshold(&calibrated.calibration, alpha),
        from_selector,
    };
    let own = own.map(|own| decide(own, false));
    let other = of_selector.map(|other| decide(other, true));
    let keeps_promise = |decision: &Decision<'_>| decision.threshold.is_some();
    own.filter(keeps_promise).or(other.filter(keeps_promise)).or(own).or(other)
}

/// The log odds above which questions are answered, for at most a share `alpha` of unknown questions answered and
/// at most `alpha` of known ones answered wrongly, in expectation (conformal risk control; Angelopoulos et al.
/// 2022, arXiv 2208.02814). `None` where the calibration has too few questions for this `alpha`: then no threshold
/// keeps the promise.
#[must_use]
pub fn threshold(calibration: &Calibration, alpha: f64) -> Option<f32> {
    let unknown = bound_on_unknown(&calibration.unknown, alpha)?;
    let wrong = bound_on_wrong(&calibration.known.wrong, calibration.known.count, alpha)?;
    Some(unknown.max(wrong))
}

/// The conformal quantile of the scores of unknown questions.
fn bound_on_unknown(scores: &[f32], alpha: f64) -> Option<f32> {
    let rank = ((1.0 - alpha) * (scores.len() as f64 + 1.0)).ceil() as usize;
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(rank.max(1) - 1).copied()
}

/// The score of the first wrong reply that would be one too many.
fn bound_on_wrong(wrong: &[f32], known: u64, alpha: f64) -> Option<f32> {
    let share = |wrong: usize| (wrong as f64 + 1.0) / (known as f64 + 1.0);
    if share(0) > alpha {
        return None;
    }
    let mut sorted = wrong.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let one_too_many = (0..sorted.len()).find(|&before| share(before + 1) > alpha);
    Some(one_too_many.map_or(f32::NEG_INFINITY, |at| sorted[at]))
}

/// The probability of these log odds.
#[must_use]
pub fn probability(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use mome_pack::{GATE_FEATURES, KnownScores};
    use proptest::prelude::*;

    use super::*;

    fn calibration(unknown: Vec<f32>, count: u64, wrong: Vec<f32>) -> Calibration {
        Calibration { unknown, known: KnownScores { count, wrong } }
    }

    #[test]
    fn too_few_questions_make_no_promise() {
        let scores = |n: usize| (0..n).map(|i| i as f32).collect::<Vec<_>>();
        assert_eq!(threshold(&calibration(scores(98), 1000, vec![]), 0.01), None);
        assert_eq!(threshold(&calibration(scores(99), 1000, vec![]), 0.01), Some(98.0));
        assert_eq!(threshold(&calibration(scores(1000), 98, vec![]), 0.01), None);
        assert_eq!(threshold(&calibration(vec![], 0, vec![]), 0.5), None);
    }

    #[test]
    fn wrong_replies_raise_the_threshold() {
        let unknown = vec![0.0; 999];
        let at = |wrong: Vec<f32>| threshold(&calibration(unknown.clone(), 99, wrong), 0.03);
        assert_eq!(at(vec![]), Some(0.0));
        assert_eq!(at(vec![5.0, 4.0]), Some(0.0), "two of a hundred are within three");
        assert_eq!(at(vec![5.0, 4.0, 3.0, 2.0]), Some(3.0), "the third with one more would be over");
    }

    #[test]
    fn the_selectors_gate_serves_where_the_packs_own_makes_no_promise() {
        let gate = |bias: f32, questions: usize| CalibratedGate {
            gate: Gate { weights: [0.0; GATE_FEATURES], bias },
            calibration: calibration(vec![0.0; questions], 1000, vec![]),
        };
        let (own, other) = (gate(1.0, 30), gate(2.0, 300));
        let decide = |alpha: f64| decision(Some(&own), Some(&other), alpha);
        let bias = |alpha: f64| decide(alpha).map(|decision| (decision.gate.bias, decision.from_selector));
        assert_eq!(bias(0.05), Some((1.0, false)), "thirty questions are enough for a twentieth");
        assert_eq!(bias(0.01), Some((2.0, true)), "and too few for a hundredth");
        assert_eq!(bias(0.001), Some((1.0, false)), "where neither is enough, confidence is the pack's own");
        assert!(decide(0.001).is_some_and(|decision| decision.threshold.is_none()));
        assert!(decision(None, None, 0.05).is_none());
    }

    proptest! {
        /// Both promises, on the calibration questions themselves, with the one question more that conformal
        /// bounds allow for.
        #[test]
        fn the_promises_hold(
            unknown in prop::collection::vec(-9f32..9.0, 20..200),
            wrong in prop::collection::vec(-9f32..9.0, 0..40),
            right in 20u64..200,
            alpha in 0.05f64..0.5,
        ) {
            let known = right + wrong.len() as u64;
            let calibration = calibration(unknown.clone(), known, wrong.clone());
            if let Some(threshold) = threshold(&calibration, alpha) {
                let above = |scores: &[f32]| scores.iter().filter(|score| **score > threshold).count() as f64;
                prop_assert!(above(&unknown) <= alpha * (unknown.len() as f64 + 1.0));
                prop_assert!(above(&wrong) <= alpha * (known as f64 + 1.0));
            }
        }
    }
}
