//! What is to be brought about when a fact is memorized, how far slots are from it, and the strengths in closed form.
//!
//! The attention over an expert's own slots depends on its keys, not on its strengths. So each token's logits are
//! linear in the strengths, and the least strength that brings a token's loss down to epsilon can be computed.

use half::f16;
use mome_engine::QueryProjection;
use mome_pack::{Attention, KEY_WIDTH, Slot, UnitVector};
use mome_retrieval::vectors::{dot, log_add_exp, log_sum_exp, softmax_beside};

use super::trace::{Trace, distinct};

/// The loss, in nats, that every answer token is brought down to.
pub const EPSILON: f32 = 0.01;

/// By how much more than the loss needs a slot lifts its token, in nats: in a wording that nobody stored the bare
/// backbone is further from the answer than in those that are.
pub const SPARE: f32 = 4.0;

/// What is aimed for in the stored wordings, before anything is spared: a little less than epsilon, so that rounding on
/// another device does not lift a token over it.
const TARGET: f64 = EPSILON as f64 * 0.97;

/// Sweeps over the slots of an expert; their strengths hardly touch one another, so few are needed.
const SWEEPS: usize = 12;

/// A strength beyond this is none: the slot gets too little attention for its token.
pub(super) const STRONGEST: f64 = 2000.0;

/// By how much, in score, a slot must lead the others at its place: no other device may see another one lead.
const LEAD: f64 = 0.25;

/// The answer's slots, and how well they hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct SolvedSlots {
    /// The slots in the order of the answer, the end token's last.
    pub slots: Vec<Slot>,
    /// The largest loss of a token over all wordings, in nats; infinite where another slot than a place's own leads
    /// there, since such an answer is not given.
    pub loss: f32,
    /// Whether the closed form did not reach the loss, so that gradient steps were taken.
    pub refined: bool,
}

/// What is to be brought about: at every place of the answer, in every wording, the token that belongs there.
pub(super) struct Task<'a> {
    pub(super) attention: &'a Attention,
    answer: &'a [u32],
    /// For each slot, where its token stands among the answer's distinct ones.
    pub(super) token: Vec<usize>,
    pub(super) rows: Vec<Row>,
}

/// One place of the answer in one wording, as the bare backbone leaves it.
pub(super) struct Row {
    pub(super) place: usize,
    pub(super) query: [f32; KEY_WIDTH],
    /// The logits of the answer's distinct tokens.
    logits: Vec<f64>,
    /// Logarithm of the sum of all other exponentiated logits.
    pub(super) log_rest: f64,
}

/// A row with the attention that it pays to slots with certain keys.
pub(super) struct Attended<'a> {
    row: &'a Row,
    /// For each slot; none where null leads.
    shares: Vec<f64>,
    /// Whether the slot at its place leads.
    led: bool,
}

impl<'a> Task<'a> {
    pub(super) fn new(
        query: &QueryProjection,
        attention: &'a Attention,
        answer: &'a [u32],
        traces: &[&Trace],
    ) -> Self {
        let watched = distinct(answer);
        let token = answer.iter().map(|token| watched.partition_point(|watched| watched < token)).collect();
        let row = |(trace, place): (&Trace, usize)| {
            let logits: Vec<f64> = trace.logits[place].iter().map(|&logit| f64::from(logit)).collect();
            let log_sum = f64::from(trace.log_sums[place]);
            let watched: f64 = logits.iter().map(|logit| (logit - log_sum).exp()).sum();
            let log_rest = log_sum + (1.0 - watched).max(1e-9).ln();
            Row { place, query: trace.query(query, place), logits, log_rest }
        };
        let places = traces.iter().flat_map(|&trace| (0..answer.len()).map(move |place| (trace, place)));
        Self { attention, answer, token, rows: places.map(row).collect() }
    }

    /// The direction of the wordings' queries at one place.
    pub(super) fn mean_direction(&self, place: usize) -> UnitVector<KEY_WIDTH> {
        let mut sum = [0.0; KEY_WIDTH];
        for row in self.rows.iter().filter(|row| row.place == place) {
            sum.iter_mut().zip(&row.query).for_each(|(sum, x)| *sum += x);
        }
        UnitVector::quantize(&sum)
    }

    /// What each slot scores in a row that looks at this slot's place from its own, `cosine` being that of query and
    /// key, for an expert that the gate accepted with this bias.
    pub(super) fn score(&self, row: &Row, slot: usize, cosine: f32, bias: f32) -> f64 {
        let Attention { beta, gamma, .. } = self.attention;
        f64::from(beta * cosine + bias - gamma * slot.abs_diff(row.place) as f32)
    }

    /// All rows with their attention to slots with these keys, once for the least bias that the gate gives and once
    /// for the largest. The logits are linear in the share that all slots have together, which grows with the bias, and
    /// the loss is convex in the logits: what holds for both holds between them.
    pub(super) fn attended(&self, keys: &[UnitVector<KEY_WIDTH>]) -> Vec<Attended<'_>> {
        let keys: Vec<[f32; KEY_WIDTH]> = keys.iter().map(UnitVector::dequantize).collect();
        let mut attended = Vec::with_capacity(2 * self.rows.len());
        for row in &self.rows {
            let cosines: Vec<f32> = keys.iter().map(|key| dot(&row.query, key)).collect();
            for bias in [self.attention.accepted, self.attention.cap] {
                let scores = cosines.iter().enumerate();
                let scores = scores.map(|(slot, &cosine)| self.score(row, slot, cosine, bias)).collect();
                attended.push(self.attend(row, scores));
            }
        }
        attended
    }

    fn attend<'b>(&self, row: &'b Row, mut scores: Vec<f64>) -> Attended<'b> {
        let own = scores[row.place];
        let others =
            scores.iter().enumerate().filter(|(slot, _)| *slot != row.place).map(|(_, score)| *score);
        let leads_by = own - others.fold(f64::NEG_INFINITY, f64::max);
        let (null, margin) = (f64::from(self.attention.null), f64::from(self.attention.margin));
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if null >= top + margin {
            return Attended { row, shares: vec![0.0; scores.len()], led: false };
        }
        softmax_beside(null, &mut scores);
        Attended { row, shares: scores, led: leads_by >= LEAD && own + margin - null >= LEAD }
    }

    /// Slots with these keys and the least strengths that bring every token's loss down, where any do. They hardly
    /// touch one another, so they are solved in turn until nothing changes.
    pub(super) fn solved(&self, keys: &[UnitVector<KEY_WIDTH>]) -> SolvedSlots {
        let rows = self.attended(keys);
        let mut strengths = vec![0.0; keys.len()];
        for _ in 0..SWEEPS {
            let before = strengths.clone();
            for place in 0..strengths.len() {
                strengths[place] = self.strength(&rows, &strengths, place);
            }
            if strengths == before {
                break;
            }
        }
        let loss = self.largest_loss(&rows, &strengths);
        SolvedSlots { slots: self.slots(keys, &strengths), loss, refined: false }
    }

    /// Slots with these keys and strengths.
    pub(super) fn slots(&self, keys: &[UnitVector<KEY_WIDTH>], strengths: &[f64]) -> Vec<Slot> {
        let slots = keys.iter().zip(strengths).zip(self.answer);
        slots
            .map(|((&key, &strength), &token)| Slot { key, token, strength: f16::from_f64(strength) })
            .collect()
    }

    /// The least strength with which the slot's token has the target loss at its place in every wording, and something
    /// to spare, the other slots being what they are.
    fn strength(&self, rows: &[Attended<'_>], strengths: &[f64], place: usize) -> f64 {
        let mut least = 0f64;
        for Attended { row, shares, .. } in rows.iter().filter(|attended| attended.row.place == place) {
            let logits = self.lifted(row, shares, strengths);
            // loss = ln(1 + exp(rivals - target)) is at most TARGET where target >= rivals - ln(exp(TARGET) - 1)
            let wanted = self.log_rivals(row, &logits) - TARGET.exp_m1().ln() + f64::from(SPARE);
            let missing = wanted - logits[self.token[place]];
            least = least.max(strengths[place] + missing / shares[place]);
        }
        rounded_up(least.min(STRONGEST)).to_f64()
    }

    /// The logits of the answer's distinct tokens with these shares and strengths.
    pub(super) fn lifted(&self, row: &Row, shares: &[f64], strengths: &[f64]) -> Vec<f64> {
        let mut logits = row.logits.clone();
        for ((share, strength), &token) in shares.iter().zip(strengths).zip(&self.token) {
            logits[token] += share * strength;
        }
        logits
    }

    /// The logarithm of the sum over all tokens but the one that belongs in this row.
    fn log_rivals(&self, row: &Row, logits: &[f64]) -> f64 {
        let target = self.token[row.place];
        let others = logits.iter().enumerate().filter(|(token, _)| *token != target).map(|(_, logit)| *logit);
        log_sum_exp(row.log_rest, others)
    }

    /// The cross-entropy of the token that belongs in this row.
    fn cross_entropy(&self, row: &Row, shares: &[f64], strengths: &[f64]) -> f64 {
        let logits = self.lifted(row, shares, strengths);
        log_add_exp(self.log_rivals(row, &logits) - logits[self.token[row.place]], 0.0)
    }

    pub(super) fn largest_loss(&self, rows: &[Attended<'_>], strengths: &[f64]) -> f32 {
        let loss = |Attended { row, shares, led }: &Attended<'_>| {
            if *led { self.cross_entropy(row, shares, strengths) as f32 } else { f32::INFINITY }
        };
        rows.iter().map(loss).fold(0.0, f32::max)
    }
}

pub(super) fn rounded_up(value: f64) -> f16 {
    let nearest = f16::from_f64(value);
    if nearest.to_f64() >= value { nearest } else { f16::from_bits(nearest.to_bits() + 1) }
}

pub(super) fn strengths_of(slots: &[Slot]) -> Vec<f64> {
    slots.iter().map(|slot| slot.strength.to_f64()).collect()
}
