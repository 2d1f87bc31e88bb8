//! Memorising by forward passes alone: one pass over question and answer gives the keys, and the strengths
//! follow in closed form (docs/design.md, "Memorising").
//!
//! The attention over an expert's own slots depends on its keys, not on its strengths. So each token's logits are
//! linear in the strengths, and the least strength that brings a token's loss down to epsilon can be computed.

use half::f16;
use mome_backbone::Backbone;
use mome_engine::{Executor, Head, KEY_WIDTH, Pass, QueryProjection};
use mome_pack::{Attention, Slot, UnitVector};

use crate::MomeError;
use crate::selection::{dot, join_states, normalise};

/// The loss, in nats, that every answer token is brought down to.
pub const EPSILON: f32 = 0.01;

/// What is aimed for: a little less than epsilon, so that rounding on another device does not lift a token over it.
const TARGET: f64 = EPSILON as f64 * 0.97;

/// Sweeps over the slots of an expert; their strengths hardly touch one another, so few are needed.
const SWEEPS: usize = 12;

/// A strength beyond this is none: the slot gets too little attention for its token.
const STRONGEST: f64 = 2000.0;

/// What the bare backbone does with one wording of a fact followed by its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The question's own tokens.
    pub question: Vec<u32>,
    /// Their states, `[tokens, D]`, as [`join_states`] makes them.
    pub states: Vec<f16>,
    /// The final hidden states that predict the answer's tokens, `[answer, d]`.
    pub hidden: Vec<f32>,
    /// For each place of the answer, the logarithm of the sum of all exponentiated logits.
    pub log_sums: Vec<f32>,
    /// For each place of the answer, the logits of the answer's distinct tokens in ascending order.
    pub logits: Vec<Vec<f32>>,
}

/// The answer's slots, and how well they hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct Memorised {
    /// The slots in the order of the answer, the end token's last.
    pub slots: Vec<Slot>,
    /// The largest loss of a token over all wordings, in nats.
    pub loss: f32,
}

/// Runs one wording with the answer's tokens (the end token last) through the bare backbone.
///
/// # Errors
/// [`MomeError::QuestionTooLong`] where question and answer do not fit the backbone's context, and what the device
/// reports.
pub async fn trace(
    executor: &dyn Executor,
    layers: &[usize],
    wording: &str,
    answer: &[u32],
) -> Result<Trace, MomeError> {
    let backbone: &Backbone = executor.backbone();
    let prompt = backbone.frame().prompt(backbone.tokenizer(), wording);
    let spoken = &answer[..answer.len().saturating_sub(1)];
    let (length, context) = (prompt.tokens.len() + spoken.len(), backbone.config().context);
    if length > context {
        return Err(MomeError::QuestionTooLong { tokens: length, context });
    }
    let tokens = [prompt.tokens.as_slice(), spoken].concat();
    let watch = distinct(answer);
    let head = Head { rows: answer.len(), watch: &watch, hidden: true, ..Head::default() };
    let output =
        executor.begin(length)?.run(Pass { tokens: &tokens, states: layers, head: Some(head) }).await?;
    let states = join_states(&output.states, backbone.config().hidden, prompt.question.clone());
    Ok(Trace {
        question: prompt.tokens[prompt.question].to_vec(),
        states: states.into_iter().map(f16::from_f32).collect(),
        hidden: output.hidden,
        log_sums: output.predictions.iter().map(|prediction| prediction.log_sum).collect(),
        logits: output.predictions.into_iter().map(|prediction| prediction.watched).collect(),
    })
}

/// The slots for an answer: keys from the wordings' hidden states, and the least strengths with which every token
/// of every wording has a loss of at most [`EPSILON`]. Where that cannot be, [`Memorised::loss`] is larger.
#[must_use]
pub fn memorise(
    query: &QueryProjection,
    attention: &Attention,
    answer: &[u32],
    traces: &[&Trace],
) -> Memorised {
    let queries: Vec<Vec<[f32; KEY_WIDTH]>> =
        traces.iter().map(|trace| trace.queries(query, answer.len())).collect();
    let keys: Vec<UnitVector<KEY_WIDTH>> =
        (0..answer.len()).map(|place| mean_direction(&queries, place)).collect();
    let watched = distinct(answer);
    let rows = rows(attention, answer, &watched, traces, &queries, &keys);
    let mut slots: Vec<Slot> =
        keys.into_iter().zip(answer).map(|(key, &token)| Slot { key, token, strength: f16::ZERO }).collect();
    for _ in 0..SWEEPS {
        let before = slots.clone();
        for place in 0..slots.len() {
            slots[place].strength = strength(&rows, &slots, place);
        }
        if slots == before {
            break;
        }
    }
    Memorised { loss: largest_loss(&rows, &slots), slots }
}

/// The largest loss of an answer token over these wordings, with the strengths of `slots`.
#[must_use]
pub fn loss(query: &QueryProjection, attention: &Attention, slots: &[Slot], traces: &[&Trace]) -> f32 {
    let answer: Vec<u32> = slots.iter().map(|slot| slot.token).collect();
    let keys: Vec<UnitVector<KEY_WIDTH>> = slots.iter().map(|slot| slot.key).collect();
    let queries: Vec<_> = traces.iter().map(|trace| trace.queries(query, answer.len())).collect();
    let rows = rows(attention, &answer, &distinct(&answer), traces, &queries, &keys);
    largest_loss(&rows, slots)
}

impl Trace {
    /// The queries at the places of the answer, of length one.
    fn queries(&self, query: &QueryProjection, answer: usize) -> Vec<[f32; KEY_WIDTH]> {
        let hidden = self.hidden.len() / answer.max(1);
        let direction = |x: &[f32]| {
            let mut q: [f32; KEY_WIDTH] =
                std::array::from_fn(|at| dot(x, &query.0[at * hidden..(at + 1) * hidden]));
            normalise(&mut q);
            q
        };
        self.hidden.chunks_exact(hidden.max(1)).map(direction).collect()
    }
}

/// One place of the answer in one wording: where the logits come from.
struct Row {
    place: usize,
    /// Attention to each slot.
    attention: Vec<f64>,
    /// For each slot, where its token stands in `logits`.
    token: Vec<usize>,
    /// The bare backbone's logits of the answer's distinct tokens.
    logits: Vec<f64>,
    /// Logarithm of the sum of all other exponentiated logits.
    log_rest: f64,
}

fn rows(
    attention: &Attention,
    answer: &[u32],
    watched: &[u32],
    traces: &[&Trace],
    queries: &[Vec<[f32; KEY_WIDTH]>],
    keys: &[UnitVector<KEY_WIDTH>],
) -> Vec<Row> {
    let keys: Vec<[f32; KEY_WIDTH]> = keys.iter().map(UnitVector::dequantise).collect();
    let token: Vec<usize> =
        answer.iter().map(|token| watched.partition_point(|watched| watched < token)).collect();
    let row = |trace: &Trace, queries: &[[f32; KEY_WIDTH]], place: usize| {
        let logits: Vec<f64> = trace.logits[place].iter().map(|&logit| f64::from(logit)).collect();
        let log_sum = f64::from(trace.log_sums[place]);
        let watched: f64 = logits.iter().map(|logit| (logit - log_sum).exp()).sum();
        Row {
            place,
            attention: attend(attention, &queries[place], &keys, place),
            token: token.clone(),
            logits,
            log_rest: log_sum + (1.0 - watched).max(1e-9).ln(),
        }
    };
    traces
        .iter()
        .zip(queries)
        .flat_map(|(trace, queries)| (0..answer.len()).map(move |place| (trace, queries, place)))
        .map(|(trace, queries, place)| row(trace, queries, place))
        .collect()
}

/// The attention of a query to the slots of an expert that the gate only just accepted; none where null leads.
fn attend(
    attention: &Attention,
    query: &[f32; KEY_WIDTH],
    keys: &[[f32; KEY_WIDTH]],
    place: usize,
) -> Vec<f64> {
    let distance = |slot: usize| slot.abs_diff(place) as f32;
    let score = |(slot, key): (usize, &[f32; KEY_WIDTH])| {
        f64::from(attention.beta * dot(query, key) + attention.accepted - attention.gamma * distance(slot))
    };
    let scores: Vec<f64> = keys.iter().enumerate().map(score).collect();
    let null = f64::from(attention.null);
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if null >= top + f64::from(attention.margin) {
        return vec![0.0; keys.len()];
    }
    let top = top.max(null);
    let total = (null - top).exp() + scores.iter().map(|score| (score - top).exp()).sum::<f64>();
    scores.into_iter().map(|score| (score - top).exp() / total).collect()
}

impl Row {
    /// The logits of the answer's distinct tokens with these strengths.
    fn lifted(&self, slots: &[Slot]) -> Vec<f64> {
        let mut logits = self.logits.clone();
        for ((slot, attention), &token) in slots.iter().zip(&self.attention).zip(&self.token) {
            logits[token] += attention * slot.strength.to_f64();
        }
        logits
    }

    /// The logarithm of the sum over all tokens but the one that belongs here.
    fn log_rivals(&self, logits: &[f64]) -> f64 {
        let target = self.token[self.place];
        let others = logits.iter().enumerate().filter(|(token, _)| *token != target).map(|(_, logit)| *logit);
        let top = others.clone().fold(self.log_rest, f64::max);
        top + ((self.log_rest - top).exp() + others.map(|logit| (logit - top).exp()).sum::<f64>()).ln()
    }

    fn loss(&self, slots: &[Slot]) -> f64 {
        let logits = self.lifted(slots);
        (self.log_rivals(&logits) - logits[self.token[self.place]]).exp().ln_1p()
    }
}

/// The least strength with which the slot's token has the target loss at its place in every wording, the other
/// slots being what they are.
fn strength(rows: &[Row], slots: &[Slot], place: usize) -> f16 {
    let mut least = 0f64;
    for row in rows.iter().filter(|row| row.place == place) {
        let attention = row.attention[place];
        let logits = row.lifted(slots);
        // loss = ln(1 + exp(rivals - target)) is at most TARGET where target >= rivals - ln(exp(TARGET) - 1)
        let missing = row.log_rivals(&logits) - TARGET.exp_m1().ln() - logits[row.token[place]];
        least = least.max(slots[place].strength.to_f64() + missing / attention);
    }
    rounded_up(least.min(STRONGEST))
}

fn rounded_up(value: f64) -> f16 {
    let nearest = f16::from_f64(value);
    if nearest.to_f64() >= value { nearest } else { f16::from_bits(nearest.to_bits() + 1) }
}

fn largest_loss(rows: &[Row], slots: &[Slot]) -> f32 {
    rows.iter().map(|row| row.loss(slots) as f32).fold(0.0, f32::max)
}

/// The direction of the wordings' queries at one place.
fn mean_direction(queries: &[Vec<[f32; KEY_WIDTH]>], place: usize) -> UnitVector<KEY_WIDTH> {
    let mut sum = [0.0; KEY_WIDTH];
    for query in queries {
        sum.iter_mut().zip(&query[place]).for_each(|(sum, x)| *sum += x);
    }
    UnitVector::quantise(&sum)
}

/// The distinct tokens of an answer in ascending order.
fn distinct(answer: &[u32]) -> Vec<u32> {
    let mut tokens = answer.to_vec();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ATTENTION: Attention =
        Attention { beta: 16.0, gamma: 8.0, null: 12.0, margin: 4.0, accepted: 12.0, cap: 20.0 };
    const HIDDEN: usize = 64;

    fn identity() -> QueryProjection {
        let one = |at: usize| if at / HIDDEN == at % HIDDEN { 1.0 } else { 0.0 };
        QueryProjection((0..KEY_WIDTH * HIDDEN).map(one).collect())
    }

    /// A backbone's view of an answer: each place's hidden state near an axis, logits as given.
    fn trace_of(answer: &[u32], logits: &[f32], log_sum: f32, noise: f32) -> Trace {
        let watched = distinct(answer).len();
        let mut hidden = vec![noise; answer.len() * HIDDEN];
        (0..answer.len()).for_each(|place| hidden[place * HIDDEN + place] += 1.0);
        let logit = |place: usize, at: usize| logits[(place * watched + at) % logits.len()];
        Trace {
            question: vec![],
            states: vec![],
            hidden,
            log_sums: vec![log_sum; answer.len()],
            logits: (0..answer.len())
                .map(|place| (0..watched).map(|at| logit(place, at)).collect())
                .collect(),
        }
    }

    fn any_answer() -> impl Strategy<Value = (Vec<u32>, Vec<f32>, f32)> {
        (prop::collection::vec(0u32..6, 1..12), prop::collection::vec(-8f32..2.0, 7), -0.02f32..0.08)
    }

    proptest! {
        #[test]
        fn every_wording_reaches_the_loss_and_no_strength_is_wasted((answer, logits, noise) in any_answer()) {
            let first = trace_of(&answer, &logits, 6.0, 0.0);
            let second = trace_of(&answer, &logits[2..], 6.5, noise);
            let traces = [&first, &second];
            let memorised = memorise(&identity(), &ATTENTION, &answer, &traces);
            prop_assert!(memorised.loss <= EPSILON, "{}", memorised.loss);
            let mut weaker = memorised.slots.clone();
            weaker.iter_mut().for_each(|slot| slot.strength = f16::from_f64(slot.strength.to_f64() * 0.95));
            prop_assert!(loss(&identity(), &ATTENTION, &weaker, &traces) > EPSILON);
        }
    }

    #[test]
    fn what_the_backbone_knows_needs_no_strength() {
        let known = trace_of(&[3], &[20.0], 20.0, 0.0);
        let memorised = memorise(&identity(), &ATTENTION, &[3], &[&known]);
        assert_eq!(memorised.slots[0].strength, f16::ZERO);
        assert!(memorised.loss <= EPSILON);
    }

    #[test]
    fn a_slot_that_nothing_attends_to_is_not_memorised() {
        let far = trace_of(&[3], &[0.0], 9.0, 0.0);
        let mut against = far.clone();
        against.hidden.iter_mut().for_each(|x| *x = -*x);
        let deaf = Attention { accepted: 0.0, ..ATTENTION };
        let memorised = memorise(&identity(), &deaf, &[3], &[&far, &far, &against]);
        assert!(memorised.loss > EPSILON);
    }
}
