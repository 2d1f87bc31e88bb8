//! How good confidences are, from questions whose right replies are known.
//!
//! Every figure takes the best candidate of each question with its confidence, whatever the gate then did: so it says
//! what any threshold would have brought.

use serde::Serialize;

/// Bins of the reliability table.
const BINS: usize = 10;
/// The most points of a risk-coverage curve.
const POINTS: usize = 200;
/// Confidence targets at which the t-score is taken.
const TARGETS: [f64; 3] = [0.5, 0.75, 0.9];
/// The share of wrong answers up to which coverage is counted.
const TOLERATED: f64 = 0.01;

/// The best candidate for one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The probability given that it holds the answer.
    pub confidence: f64,
    /// Whether it does.
    pub right: bool,
    /// Whether any fact does.
    pub known: bool,
}

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    /// Part of the whole, 0 to 1.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// What the confidences of many questions are worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// How many questions they are of. Stored wordings are not among them.
    pub questions: u64,
    /// Mean distance between confidence and share right over the bins, weighted by their questions.
    pub expected_calibration_error: f64,
    /// Confidence against share right, in bins of equal width.
    pub reliability: Vec<ReliabilityBin>,
    /// Scores for confidence targets.
    pub t_scores: Vec<TScore>,
    /// Share of questions answered against share of the answers that are wrong, from the strictest threshold on.
    pub risk_coverage: Vec<RiskCoverage>,
    /// Area under the whole risk-coverage curve; smaller is better.
    pub aurc: f64,
    /// Probability that a known question has more confidence than an unknown one; `None` without either.
    pub auroc: Option<f64>,
    /// The largest coverage at which at most 1 % of the answers are wrong.
    pub coverage_at_1_percent: f64,
}

/// Questions of like confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// How many.
    pub questions: u64,
    /// Their mean confidence.
    pub confidence: f64,
    /// How many of them the candidate was right for.
    pub right: Rate,
}

/// What answering above a confidence target brings: a right answer 1, a wrong one `-t / (1 - t)`, none 0 (Kalai et
/// al. 2025, arXiv 2509.04664).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TScore {
    /// The target, t.
    pub target: f64,
    /// Mean over all questions.
    pub score: f64,
    /// Share of questions that were answered.
    pub answered: f64,
}

/// A point of the risk-coverage curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RiskCoverage {
    /// Share of questions answered.
    pub coverage: f64,
    /// Share of the answers that are wrong.
    pub risk: f64,
}

impl Rate {
    /// `part` of `whole`, with Wilson's score interval (1927); all zero of nothing.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self::default();
        }
        /// Standard normal deviate of 97.5 %.
        const Z: f64 = 1.959_964;
        let (n, share) = (whole as f64, part as f64 / whole as f64);
        let middle = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        Self { share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }
}

impl Metrics {
    /// The figures of these questions.
    #[must_use]
    pub fn of(judged: &[Judged]) -> Self {
        let reliability = reliability(judged);
        let curve = risk_coverage(judged);
        let tolerable = curve.iter().rev().find(|point| point.risk <= TOLERATED);
        Self {
            questions: judged.len() as u64,
            expected_calibration_error: calibration_error(&reliability, judged.len()),
            t_scores: TARGETS.map(|target| t_score(judged, target)).to_vec(),
            aurc: mean(curve.iter().map(|point| point.risk)),
            auroc: auroc(judged),
            coverage_at_1_percent: tolerable.map_or(0.0, |point| point.coverage),
            risk_coverage: thinned(&curve),
            reliability,
        }
    }
}

fn reliability(judged: &[Judged]) -> Vec<ReliabilityBin> {
    let mut bins: Vec<Vec<&Judged>> = vec![Vec::new(); BINS];
    for one in judged {
        bins[((one.confidence * BINS as f64) as usize).min(BINS - 1)].push(one);
    }
    let bin = |bin: Vec<&Judged>| ReliabilityBin {
        questions: bin.len() as u64,
        confidence: mean(bin.iter().map(|one| one.confidence)),
        right: Rate::of(bin.iter().filter(|one| one.right).count() as u64, bin.len() as u64),
    };
    bins.into_iter().map(bin).collect()
}

fn calibration_error(bins: &[ReliabilityBin], questions: usize) -> f64 {
    let off = |bin: &ReliabilityBin| bin.questions as f64 * (bin.confidence - bin.right.share).abs();
    bins.iter().map(off).sum::<f64>() / questions.max(1) as f64
}

fn t_score(judged: &[Judged], target: f64) -> TScore {
    let answered: Vec<&Judged> = judged.iter().filter(|one| one.confidence > target).collect();
    let worth = |one: &&Judged| if one.right { 1.0 } else { -target / (1.0 - target) };
    let questions = judged.len().max(1) as f64;
    TScore {
        target,
        score: answered.iter().map(worth).sum::<f64>() / questions,
        answered: answered.len() as f64 / questions,
    }
}

/// A point for each question: it and all with at least its confidence are answered. Questions of equal confidence
/// cannot be told apart by a threshold, so they share the point of the last.
fn risk_coverage(judged: &[Judged]) -> Vec<RiskCoverage> {
    let mut sorted: Vec<&Judged> = judged.iter().collect();
    sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let (mut answered, mut wrong) = (0, 0);
    let mut curve = Vec::with_capacity(sorted.len());
    for equals in sorted.chunk_by(|a, b| a.confidence == b.confidence) {
        answered += equals.len();
        wrong += equals.iter().filter(|one| !one.right).count();
        let coverage = answered as f64 / sorted.len() as f64;
        let point = RiskCoverage { coverage, risk: wrong as f64 / answered as f64 };
        curve.extend(std::iter::repeat_n(point, equals.len()));
    }
    curve
}

/// At most [`POINTS`] points of a curve, evenly spread, its last among them.
fn thinned(curve: &[RiskCoverage]) -> Vec<RiskCoverage> {
    let step = curve.len().div_ceil(POINTS).max(1);
    let mut points: Vec<RiskCoverage> = curve.iter().rev().step_by(step).copied().collect();
    points.reverse();
    points.dedup();
    points
}

/// By ranks (Mann and Whitney, 1947): ties count half.
fn auroc(judged: &[Judged]) -> Option<f64> {
    let mut sorted: Vec<&Judged> = judged.iter().collect();
    sorted.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
    let (mut below, mut pairs_won) = (0.0, 0.0);
    let (mut known, mut unknown) = (0.0, 0.0);
    for equals in sorted.chunk_by(|a, b| a.confidence == b.confidence) {
        let known_here = equals.iter().filter(|one| one.known).count() as f64;
        let unknown_here = equals.len() as f64 - known_here;
        pairs_won += known_here * (below + unknown_here / 2.0);
        below += unknown_here;
        known += known_here;
        unknown += unknown_here;
    }
    (known > 0.0 && unknown > 0.0).then(|| pairs_won / (known * unknown))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(confidence: f64, right: bool) -> Judged {
        Judged { confidence, right, known: right }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn intervals_are_wilsons() {
        let rate = Rate::of(8, 10);
        assert!((rate.low - 0.4902).abs() < 1e-4 && (rate.high - 0.9433).abs() < 1e-4, "{rate:?}");
        let none = Rate::of(0, 2000);
        assert!(none.low == 0.0 && (none.high - 0.001_917).abs() < 1e-5, "{none:?}");
        assert_eq!(Rate::of(0, 0), Rate::default());
    }

    #[test]
    fn scores_of_a_few_questions() {
        let metrics =
            Metrics::of(&[judged(0.95, true), judged(0.85, true), judged(0.8, false), judged(0.1, false)]);
        assert!(close(metrics.t_scores[0].score, (1.0 + 1.0 - 1.0) / 4.0));
        assert!(close(metrics.t_scores[1].score, (1.0 + 1.0 - 3.0) / 4.0));
        assert!(close(metrics.t_scores[2].score, 1.0 / 4.0) && close(metrics.t_scores[2].answered, 0.25));
        assert!(close(metrics.coverage_at_1_percent, 0.5));
        assert!(close(metrics.aurc, (0.0 + 0.0 + 1.0 / 3.0 + 0.5) / 4.0));
        assert_eq!(metrics.auroc, Some(1.0));
        // Bins: 0.9 to 1 is off by 0.05; 0.8 to 0.9 by 0.325, twice; 0.1 to 0.2 by 0.1.
        assert!(close(metrics.expected_calibration_error, (0.05 + 2.0 * 0.325 + 0.1) / 4.0));
    }

    #[test]
    fn nothing_asked_is_nothing_known() {
        let metrics = Metrics::of(&[]);
        assert_eq!((metrics.auroc, metrics.aurc, metrics.coverage_at_1_percent), (None, 0.0, 0.0));
    }

    proptest! {
        /// Against counting pairs one by one.
        #[test]
        fn auroc_counts_pairs(cases in prop::collection::vec((0u8..6, any::<bool>()), 2..40)) {
            let judged: Vec<Judged> =
                cases.iter().map(|&(confidence, known)| judged(f64::from(confidence) / 6.0, known)).collect();
            let (mut won, mut pairs) = (0.0, 0.0);
            for known in judged.iter().filter(|one| one.known) {
                for unknown in judged.iter().filter(|one| !one.known) {
                    pairs += 1.0;
                    won += match known.confidence.total_cmp(&unknown.confidence) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
            let expected = (pairs > 0.0).then(|| won / pairs);
            prop_assert_eq!(Metrics::of(&judged).auroc, expected);
        }

        /// The curve ends with every question answered, and no threshold within it is left out by thinning.
        #[test]
        fn curves_end_at_full_coverage(rights in prop::collection::vec(any::<bool>(), 1..500)) {
            let judged: Vec<Judged> =
                rights.iter().enumerate().map(|(at, &right)| judged(1.0 / (at + 1) as f64, right)).collect();
            let curve = Metrics::of(&judged).risk_coverage;
            let wrong = rights.iter().filter(|right| !**right).count() as f64 / rights.len() as f64;
            let last = curve.last().expect("a point");
            prop_assert!(close(last.coverage, 1.0) && close(last.risk, wrong) && curve.len() <= POINTS);
            prop_assert!(curve.is_sorted_by(|a, b| a.coverage < b.coverage));
        }
    }
}
