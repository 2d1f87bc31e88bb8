//! The gate: whether the best candidate is good enough to answer with.
//!
//! Two parts have to agree, each with a threshold of its own: that the question is near in sense, which hidden facts
//! and facts confused with others bound, and that nothing was changed, which near misses bound.

use mome_pack::{CalibratedGate, Gate, Scores};
use serde::Serialize;

use crate::judging::{Candidate, NEAR_FEATURES, SENSE_FEATURES, UNCHANGED_FEATURES, unchanged_features};
use crate::vectors::log_add_exp;

/// The gate that decides, for some alpha.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What gives the scores.
    pub gate: Gate,
    /// Scores above which questions are answered; `None` where no calibration has enough questions for this alpha,
    /// and only stored wordings are answered.
    pub thresholds: Option<Thresholds>,
}

/// Log odds above which both parts of a gate have to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// For nearness in sense.
    pub near: f32,
    /// The kind of question that asks for it.
    pub near_set_by: Kind,
    /// For nothing having changed: what near misses ask for; `None` where no reranker judges.
    pub unchanged: Option<f32>,
    /// Whether both follow from questions of the pack's own, not from those that came with the reader.
    pub own: bool,
}

/// The kinds of questions that the nearness in sense is held to. Of each at most alpha are answered wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Questions whose fact is not in the pack.
    Hidden,
    /// Questions whose fact is there while another one comes first.
    Confused,
}

impl Candidate {
    /// What both parts of the gate say of this fact.
    #[must_use]
    pub fn scores(&self, gate: &Gate) -> Scores {
        match (&gate.unchanged, self.judged) {
            (None, _) => Scores { near: gate.near.log_odds(&self.sense_features()), unchanged: 0.0 },
            (Some(unchanged), Some(judged)) => Scores {
                near: gate.near.log_odds(&self.near_features(judged)),
                unchanged: unchanged.log_odds(&unchanged_features(judged)),
            },
            // What was not judged is further away than what was.
            (Some(_), None) => Scores { near: -LARGEST, unchanged: -LARGEST },
        }
    }
}

/// Whether a gate has as many weights as there are features; a pack's may not.
#[must_use]
pub fn fits(gate: &Gate) -> bool {
    let parts = match &gate.unchanged {
        None => gate.near.weights.len() == SENSE_FEATURES,
        Some(unchanged) => {
            gate.near.weights.len() == NEAR_FEATURES && unchanged.weights.len() == UNCHANGED_FEATURES
        }
    };
    parts && gate.confidence.weights.len() == CONFIDENCE_FEATURES
}

/// Scores are at most so far from zero.
const LARGEST: f32 = 100.0;

impl Thresholds {
    /// Whether a question with these scores is answered.
    #[must_use]
    pub fn accept(&self, scores: Scores) -> bool {
        scores.near > self.near && self.unchanged.is_none_or(|unchanged| scores.unchanged > unchanged)
    }

    /// Raised to shortly below the right replies that they accept: further down they would find none of them.
    fn without_idle_reach(self, right: &[Scores]) -> Self {
        let accepted = right.iter().filter(|scores| self.accept(**scores));
        let least = accepted.map(|scores| scores.near - REACH).min_by(f32::total_cmp);
        Self { near: least.map_or(self.near, |least| self.near.max(least)), ..self }
    }
}

/// The log odds that an answer with these scores is right.
#[must_use]
pub fn log_odds(gate: &Gate, scores: Scores) -> f32 {
    gate.confidence.log_odds(&confidence_features(gate, scores))
}

/// How many features confidence has.
pub const CONFIDENCE_FEATURES: usize = 3;

/// What confidence follows from: the smaller of both scores, softly, `-ln(exp(-near) + exp(-unchanged))`; and both.
#[must_use]
pub fn confidence_features(gate: &Gate, scores: Scores) -> [f32; CONFIDENCE_FEATURES] {
    let Scores { near, unchanged } = scores;
    match gate.unchanged {
        None => [near, 0.0, 0.0],
        Some(_) => [-log_add_exp(-near, -unchanged), near, unchanged],
    }
}

/// Which gate decides, and from where on: the pack's own, or the one that comes with its reader where the pack has none,
/// or one of its own weights with too few questions for this `alpha`. `None` where there is no gate.
#[must_use]
pub fn decision(
    own: Option<&CalibratedGate>,
    of_reader: Option<&CalibratedGate>,
    alpha: f64,
) -> Option<Decision> {
    let by_own =
        own.map(|own| Decision { gate: own.gate.clone(), thresholds: thresholds(own, of_reader, alpha) });
    let keeps_promise = |decision: &Decision| decision.thresholds.is_some();
    if by_own.as_ref().is_some_and(keeps_promise) {
        return by_own;
    }
    let by_reader = of_reader.map(|of_reader| Decision {
        gate: of_reader.gate.clone(),
        thresholds: thresholds(of_reader, None, alpha)
            .map(|thresholds| Thresholds { own: false, ..thresholds }),
    });
    if by_reader.as_ref().is_some_and(keeps_promise) { by_reader } else { by_own.or(by_reader) }
}

/// The scores above which questions are answered, for at most a share `alpha` answered of each kind that should not
/// be, in expectation (conformal risk control; Angelopoulos et al. 2022, arXiv 2208.02814). A kind of which the
/// calibration has fewer than [`ENOUGH`] over alpha is filled up with those of `others`, where the same weights
/// scored them. `None` where there are too few of a kind all the same: then no threshold keeps the promise.
///
/// Near misses bound the part that looks for changes: at most alpha of those that rules make, and at most
/// [`WRITTEN`] times alpha of those that people wrote. What it refuses need not be refused twice: nearness is held to those
/// questions alone that pass it.
#[must_use]
pub fn thresholds(
    calibrated: &CalibratedGate,
    others: Option<&CalibratedGate>,
    alpha: f64,
) -> Option<Thresholds> {
    let of_parts = |same: &dyn Fn(&Gate) -> bool| others.filter(|others| same(&others.gate));
    let of_unchanged = of_parts(&|gate| gate.unchanged == calibrated.gate.unchanged);
    let of_near = of_unchanged.filter(|others| others.gate.near == calibrated.gate.near);
    let promise = Promise { calibrated, of_unchanged, of_near, alpha };
    if calibrated.gate.unchanged.is_none() {
        return promise.thresholds(None);
    }
    let least = promise.least_unchanged()?;
    let right = &calibrated.calibration.known.right;
    if right.is_empty() {
        return promise.thresholds(Some(least));
    }
    let ways = promise.stricter(&least).into_iter().filter_map(|way| promise.thresholds(Some(way)));
    // Of ways that answer as many the first, which refuses least by changes.
    let best = ways.rev().max_by_key(|way| right.iter().filter(|scores| way.accept(**scores)).count())?;
    Some(best.without_idle_reach(right))
}

/// What thresholds have to keep.
struct Promise<'a> {
    calibrated: &'a CalibratedGate,
    /// Where questions that are missing come from, for either part: the same weights scored them.
    of_unchanged: Option<&'a CalibratedGate>,
    of_near: Option<&'a CalibratedGate>,
    alpha: f64,
}

impl Promise<'_> {
    /// The least threshold on changes that near misses allow.
    fn least_unchanged(&self) -> Option<Bound> {
        let made = |calibrated: &CalibratedGate| all(unchanged_of(&calibrated.calibration.near_misses));
        let made = bound(made(self.calibrated), self.of_unchanged.map(made), self.alpha)?;
        let mut sources = [Some(self.calibrated), self.of_unchanged].into_iter().flatten();
        let written = |calibrated: &CalibratedGate| unchanged_of(&calibrated.calibration.written);
        let written = sources.find_map(|source| bound(all(written(source)), None, WRITTEN * self.alpha));
        Some(match written {
            Some(written) if written.score > made.score => Bound { own: false, ..written },
            _ => made,
        })
    }

    /// This threshold on changes and higher ones: those that refuse one more of the hidden questions that are nearest of all
    /// that pass. What is refused there need not be refused by nearness, which refuses known questions too.
    fn stricter(&self, least: &Bound) -> Vec<Bound> {
        let hidden = self.calibrated.calibration.hidden.iter();
        let others = self.of_near.into_iter().flat_map(|others| &others.calibration.hidden);
        let mut passing: Vec<&Scores> =
            hidden.chain(others).filter(|scores| scores.unchanged > least.score).collect();
        passing.sort_by(|a, b| b.near.total_cmp(&a.near));
        let higher = passing.iter().take(STRICTER).map(|scores| Bound { score: scores.unchanged, ..*least });
        [*least].into_iter().chain(higher).collect()
    }

    /// The thresholds with this one on changes.
    fn thresholds(&self, unchanged: Option<Bound>) -> Option<Thresholds> {
        let passing = |scores: &Scores| match unchanged {
            Some(unchanged) if scores.unchanged <= unchanged.score => f32::NEG_INFINITY,
            _ => scores.near,
        };
        let hidden = |of: &CalibratedGate| all(of.calibration.hidden.iter().map(passing).collect());
        let confused = |of: &CalibratedGate| {
            (of.calibration.known.wrong.iter().map(passing).collect(), of.calibration.known.count)
        };
        let hidden = bound(hidden(self.calibrated), self.of_near.map(hidden), self.alpha)?;
        let confused = bound(confused(self.calibrated), self.of_near.map(confused), self.alpha)?;
        Some(Thresholds {
            near: hidden.score.max(confused.score),
            near_set_by: if hidden.score >= confused.score { Kind::Hidden } else { Kind::Confused },
            own: hidden.own && confused.own && unchanged.is_none_or(|unchanged| unchanged.own),
            unchanged: unchanged.map(|unchanged| unchanged.score),
        })
    }
}

/// Scores of wrong replies, where all questions of a kind have one.
fn all(scores: Vec<f32>) -> (Vec<f32>, u64) {
    let count = scores.len() as u64;
    (scores, count)
}

/// How many stricter thresholds on changes are tried.
const STRICTER: usize = 24;

/// How far below the least near of the right replies a question may still be answered.
const REACH: f32 = 1.0;

fn unchanged_of(scores: &[Scores]) -> Vec<f32> {
    scores.iter().map(|scores| scores.unchanged).collect()
}

/// How many times alpha of the near misses that people wrote, as hard as they could, may be answered. Measured: where 6 % of
/// those pass, so does 1 % of the minimal pairs that other people wrote.
pub const WRITTEN: f64 = 6.0;

/// So many questions of a kind, divided by alpha, set a threshold by themselves; of fewer a single one would set it.
pub const ENOUGH: f64 = 3.0;

/// Fewer are filled up with those of a reader to so many, divided by alpha: the more there are, the steadier the threshold.
const FILLED: f64 = 10.0;

/// A score above which at most alpha of a kind are answered.
#[derive(Clone, Copy)]
struct Bound {
    score: f32,
    /// Whether questions of the calibration's own alone set it.
    own: bool,
}

/// The score of the first wrong reply that would be one too many, of questions with these scores of wrong replies and so
/// many of them in all. Others count for as many as are missing.
fn bound(own: (Vec<f32>, u64), others: Option<(Vec<f32>, u64)>, alpha: f64) -> Option<Bound> {
    let (scores, count) = own;
    let mut total = count as f64;
    let mut weighted: Vec<(f32, f64)> = scores.into_iter().map(|score| (score, 1.0)).collect();
    let missing = FILLED / alpha - total;
    let filled = others.filter(|(_, count)| total < ENOUGH / alpha && *count > 0);
    let is_own = filled.is_none();
    if let Some((scores, count)) = filled {
        let missing = missing.min(count as f64);
        let weight = missing / count as f64;
        weighted.extend(scores.into_iter().map(|score| (score, weight)));
        total += missing;
    }
    let share = |wrong: f64| (wrong + 1.0) / (total + 1.0);
    if share(0.0) > alpha {
        return None;
    }
    weighted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut before = 0.0;
    for (score, weight) in weighted {
        if share(before + weight) > alpha {
            return Some(Bound { score: score.max(-LARGEST), own: is_own });
        }
        before += weight;
    }
    Some(Bound { score: -LARGEST, own: is_own })
}

/// The probability of these log odds.
#[must_use]
pub fn probability(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use mome_pack::{Calibration, KnownScores, Logistic};
    use proptest::prelude::*;

    use super::*;

    fn gate(bias: f32) -> Gate {
        let part = Logistic { weights: vec![], bias };
        Gate { near: part.clone(), unchanged: Some(part.clone()), confidence: part }
    }

    fn scores(near: &[f32], unchanged: f32) -> Vec<Scores> {
        near.iter().map(|&near| Scores { near, unchanged }).collect()
    }

    /// Hidden questions and wrong replies pass the second part; near misses score there what is given.
    fn calibrated(
        bias: f32,
        hidden: &[f32],
        near_misses: &[f32],
        count: u64,
        wrong: &[f32],
    ) -> CalibratedGate {
        let near_misses = near_misses.iter().map(|&unchanged| Scores { near: 9.0, unchanged }).collect();
        let known = KnownScores { count, wrong: scores(wrong, 50.0), right: vec![] };
        let calibration =
            Calibration { hidden: scores(hidden, 50.0), near_misses, known, ..Calibration::default() };
        CalibratedGate { gate: gate(bias), calibration }
    }

    fn ramp(count: usize) -> Vec<f32> {
        (0..count).map(|i| i as f32 / 100.0).collect()
    }

    #[test]
    fn too_few_questions_make_no_promise() {
        let at = |hidden: usize, near: usize, known: u64| {
            let calibrated = calibrated(0.0, &ramp(hidden), &ramp(near), known, &[]);
            thresholds(&calibrated, None, 0.01).map(|at| (at.near, at.unchanged))
        };
        assert_eq!(at(98, 1000, 1000), None);
        assert_eq!(at(99, 99, 1000), Some((0.98, Some(0.98))));
        assert_eq!(at(1000, 98, 1000), None);
        assert_eq!(at(1000, 1000, 98), None);
    }

    #[test]
    fn wrong_replies_raise_the_threshold() {
        let at = |wrong: &[f32]| {
            let calibrated = calibrated(0.0, &[0.0; 999], &[0.0; 999], 99, wrong);
            thresholds(&calibrated, None, 0.03).map(|at| (at.near, at.near_set_by))
        };
        assert_eq!(at(&[]), Some((0.0, Kind::Hidden)));
        assert_eq!(at(&[5.0, 4.0]), Some((0.0, Kind::Hidden)), "two of a hundred are within three");
        assert_eq!(at(&[5.0, 4.0, 3.0, 2.0]), Some((3.0, Kind::Confused)), "the third would be over");
    }

    #[test]
    fn what_would_find_no_right_reply_is_not_accepted() {
        let mut calibrated = calibrated(0.0, &[-9.0; 200], &[1.0; 200], 200, &[]);
        calibrated.calibration.known.right = scores(&[1.0, 2.0, 3.0], 50.0);
        assert_eq!(thresholds(&calibrated, None, 0.05).unwrap().near, 0.0);
        calibrated.calibration.known.right = scores(&[-12.0, 2.0, 3.0], 50.0);
        assert_eq!(thresholds(&calibrated, None, 0.05).unwrap().near, 1.0, "what is refused sets nothing");
    }

    #[test]
    fn what_the_reranker_refuses_needs_no_nearness() {
        let mut calibrated = calibrated(0.0, &ramp(200), &[1.0; 200], 200, &[]);
        let before = thresholds(&calibrated, None, 0.05).unwrap();
        calibrated.calibration.hidden.iter_mut().skip(100).for_each(|scores| scores.unchanged = 0.0);
        let after = thresholds(&calibrated, None, 0.05).unwrap();
        assert!(after.near < before.near, "{after:?} {before:?}");
        assert!(!after.accept(Scores { near: 9.0, unchanged: 1.0 }));
        assert!(after.accept(Scores { near: 9.0, unchanged: 1.1 }));
    }

    #[test]
    fn the_readers_gate_serves_where_the_packs_own_makes_no_promise() {
        let own = calibrated(1.0, &[0.0; 30], &[0.0; 30], 1000, &[]);
        let other = calibrated(2.0, &[0.0; 300], &[0.0; 300], 1000, &[]);
        let decide = |alpha: f64| decision(Some(&own), Some(&other), alpha).unwrap();
        let bias = |alpha: f64| (decide(alpha).gate.near.bias, decide(alpha).thresholds.map(|at| at.own));
        assert_eq!(bias(0.05), (1.0, Some(true)), "thirty questions are enough for a twentieth");
        assert_eq!(bias(0.01), (2.0, Some(false)), "and too few for a hundredth");
        assert_eq!(bias(0.001), (1.0, None));
        assert!(decision(None, None, 0.05).is_none());
    }

    #[test]
    fn the_readers_questions_fill_up_those_of_a_pack_that_has_its_gate() {
        let of_reader = calibrated(0.0, &[1.0; 300], &ramp(300), 1000, &[]);
        let own = calibrated(0.0, &[3.0, 2.5, 2.0], &ramp(70), 0, &[]);
        let at = |alpha: f64| decision(Some(&own), Some(&of_reader), alpha).unwrap().thresholds.unwrap();
        // Of the pack's three and the reader's, 200 together, nine may be answered.
        assert_eq!((at(0.05).near, at(0.05).own), (1.0, false));
        assert_eq!(at(0.05).unchanged, Some(0.67), "seventy near misses are the pack's own");
        // At a hundredth, of 303 two.
        assert_eq!((at(0.01).near, at(0.01).own), (2.0, false));
        let others = CalibratedGate { gate: gate(9.0), ..of_reader.clone() };
        assert!(!decision(Some(&own), Some(&others), 0.05).unwrap().thresholds.unwrap().own);
    }

    fn any_scores() -> impl Strategy<Value = Vec<Scores>> {
        let scores = (-9f32..9.0, -9f32..9.0).prop_map(Scores::from);
        prop::collection::vec(scores, 20..200)
    }

    proptest! {
        /// All promises, on the calibration questions themselves, with the one question more that conformal
        /// bounds allow for.
        #[test]
        fn the_promises_hold(
            hidden in any_scores(),
            near_misses in any_scores(),
            wrong in any_scores(),
            right in 20u64..2000,
            known_right in any_scores(),
            alpha in 0.05f64..0.5,
        ) {
            let count = right + wrong.len() as u64;
            let known = KnownScores { count, wrong: wrong.clone(), right: known_right.clone() };
            let calibration =
                Calibration { hidden: hidden.clone(), near_misses: near_misses.clone(), known, written: vec![] };
            if let Some(at) = thresholds(&CalibratedGate { gate: gate(0.0), calibration }, None, alpha) {
                let answered = |scores: &[Scores]| scores.iter().filter(|&&it| at.accept(it)).count() as f64;
                for scores in [&hidden, &near_misses] {
                    prop_assert!(answered(scores) <= alpha * (scores.len() as f64 + 1.0));
                }
                prop_assert!(answered(&wrong) <= alpha * (count as f64 + 1.0));
            }
        }

        #[test]
        fn confidence_is_bounded_by_the_smaller_score(near in -20f32..20.0, unchanged in -20f32..20.0) {
            let [smaller, ..] = confidence_features(&gate(0.0), Scores { near, unchanged });
            let least = near.min(unchanged);
            prop_assert!(smaller <= least && smaller >= least - 2f32.ln() - 1e-5);
        }
    }
}
