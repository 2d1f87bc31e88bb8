//! Gradient steps over a fact's own keys and strengths, where the closed form does not reach the loss: the mean
//! direction of the wordings' queries serves most of them, and may leave one of them without attention.
//!
//! The loss of a row is the cross-entropy of its token, with the attention's softmax over slots and null, and that of
//! the attention itself, whose right place is the row's own: a row that another slot leads is refused when it is asked.
//! Nothing but this fact's slots moves.

use mome_pack::{KEY_WIDTH, UnitVector};
use mome_retrieval::vectors::{log_sum_exp, softmax_beside};

use super::task::{EPSILON, Row, STRONGEST, SolvedSlots, Task, rounded_up, strengths_of};

/// The most gradient steps.
const STEPS: usize = 400;

/// After so many steps the keys are quantised and looked at as they would be stored.
const LOOK: usize = 20;

/// How far a step moves: components of a key of length one, and strengths as a share of what they are.
const KEY_RATE: f64 = 0.02;
const STRENGTH_RATE: f64 = 0.05;

/// The least that a strength moves by in a step, times [`STRENGTH_RATE`].
const SMALL_STRENGTH: f64 = 4.0;

/// Adam's averages of gradients and of their squares: the share that stays in each step.
const MOMENTUM: f64 = 0.9;
const VARIANCE: f64 = 0.99;

/// Attention less than this moves nothing.
const NEGLIGIBLE: f64 = 1e-12;

/// Takes gradient steps from slots that do not reach the loss. Gives the first that do, else the best that were seen.
pub(super) fn refine(task: &Task<'_>, start: SolvedSlots) -> SolvedSlots {
    let mut point = Point::of(&start);
    let mut adam = Adam::new(&point);
    let mut best = start;
    for step in 1..=STEPS {
        let (_, gradient) = gradient(task, &point);
        adam.step(&mut point, &gradient);
        if step % LOOK == 0 {
            let seen = point.looked_at(task);
            if seen.loss < best.loss {
                best = seen;
            }
            if best.loss <= EPSILON {
                break;
            }
        }
    }
    SolvedSlots { refined: true, ..best }
}

/// Keys, of which only the direction counts, and strengths; or what the loss changes by along each.
#[derive(Clone, Debug, PartialEq)]
struct Point {
    keys: Vec<[f64; KEY_WIDTH]>,
    strengths: Vec<f64>,
}

impl Point {
    fn of(memorized: &SolvedSlots) -> Self {
        let keys = memorized.slots.iter().map(|slot| slot.key.dequantize().map(f64::from)).collect();
        Self { keys, strengths: strengths_of(&memorized.slots) }
    }

    /// The slots as they would be stored: with strengths in closed form for these keys, or with those that the steps
    /// came to, whichever has the smaller loss.
    fn looked_at(&self, task: &Task<'_>) -> SolvedSlots {
        let keys: Vec<UnitVector<KEY_WIDTH>> =
            self.keys.iter().map(|key| UnitVector::quantize(&key.map(|x| x as f32))).collect();
        let solved = task.solved(&keys);
        if solved.loss <= EPSILON {
            return solved;
        }
        let strengths: Vec<f64> =
            self.strengths.iter().map(|&strength| rounded_up(strength).to_f64()).collect();
        let loss = task.largest_loss(&task.attended(&keys), &strengths);
        if loss < solved.loss {
            SolvedSlots { slots: task.slots(&keys, &strengths), loss, refined: true }
        } else {
            solved
        }
    }
}

/// The loss over all rows, for the least bias that the gate gives, and its gradient.
fn gradient(task: &Task<'_>, point: &Point) -> (f64, Point) {
    let slots = point.strengths.len();
    let directions: Vec<Direction> = point.keys.iter().map(Direction::of).collect();
    let mut gradient = Point { keys: vec![[0.0; KEY_WIDTH]; slots], strengths: vec![0.0; slots] };
    let loss =
        task.rows.iter().map(|row| add_row(task, row, &directions, &point.strengths, &mut gradient)).sum();
    (loss, gradient)
}

/// Adds a row's gradient, and gives its loss.
fn add_row(
    task: &Task<'_>,
    row: &Row,
    directions: &[Direction],
    strengths: &[f64],
    gradient: &mut Point,
) -> f64 {
    let beta = f64::from(task.attention.beta);
    let query = row.query.map(f64::from);
    let cosines: Vec<f64> = directions.iter().map(|direction| dot(&query, &direction.unit)).collect();
    let null = f64::from(task.attention.null);
    let without_cosine = |slot: usize| task.score(row, slot, 0.0, task.attention.accepted);
    let mut shares: Vec<f64> =
        cosines.iter().enumerate().map(|(slot, cosine)| without_cosine(slot) + beta * cosine).collect();
    let log_total = log_sum_exp(null, shares.iter().copied());
    let attention_loss = log_total - shares[row.place];
    softmax_beside(null, &mut shares);

    // What the cross-entropy changes by with each distinct token's logit: its probability, less one for the target.
    let logits = task.lifted(row, &shares, strengths);
    let log_total = log_sum_exp(row.log_rest, logits.iter().copied());
    let target = task.token[row.place];
    let with_logit = |token: usize| (logits[token] - log_total).exp() - f64::from(u8::from(token == target));

    let with_share: Vec<f64> =
        strengths.iter().zip(&task.token).map(|(strength, &token)| strength * with_logit(token)).collect();
    let mean: f64 = shares.iter().zip(&with_share).map(|(share, with)| share * with).sum();
    for (slot, &share) in shares.iter().enumerate() {
        let own = slot == row.place;
        if share < NEGLIGIBLE && !own {
            continue;
        }
        gradient.strengths[slot] += share * with_logit(task.token[slot]);
        let with_score = share * (with_share[slot] - mean) + share - f64::from(u8::from(own));
        // Only what is across the key turns it.
        let Direction { unit, length } = &directions[slot];
        for ((with_key, x), along) in gradient.keys[slot].iter_mut().zip(&query).zip(unit) {
            *with_key += with_score * beta * (x - cosines[slot] * along) / length;
        }
    }
    (log_total - logits[target]) + attention_loss
}

/// A key's direction, and its length.
struct Direction {
    unit: [f64; KEY_WIDTH],
    length: f64,
}

impl Direction {
    fn of(key: &[f64; KEY_WIDTH]) -> Self {
        // A key that wordings cancel out has no direction yet; the first step gives it one.
        let length = dot(key, key).sqrt().max(1e-3);
        Self { unit: key.map(|x| x / length), length }
    }
}

/// Adam's memory of the gradients before.
struct Adam {
    steps: i32,
    mean: Point,
    square: Point,
}

impl Adam {
    fn new(point: &Point) -> Self {
        let slots = point.strengths.len();
        let zero = Point { keys: vec![[0.0; KEY_WIDTH]; slots], strengths: vec![0.0; slots] };
        Self { steps: 0, mean: zero.clone(), square: zero }
    }

    /// A step down the gradient. Keys keep length one, so that all of them turn equally fast; strengths stay such that
    /// they can be stored.
    fn step(&mut self, point: &mut Point, gradient: &Point) {
        self.steps += 1;
        let unbiased = [MOMENTUM, VARIANCE].map(|kept| 1.0 / (1.0 - kept.powi(self.steps)));
        let direction = |gradient: f64, mean: &mut f64, square: &mut f64| {
            *mean += (1.0 - MOMENTUM) * (gradient - *mean);
            *square += (1.0 - VARIANCE) * (gradient * gradient - *square);
            *mean * unbiased[0] / ((*square * unbiased[1]).sqrt() + 1e-9)
        };
        for (slot, key) in point.keys.iter_mut().enumerate() {
            for (at, x) in key.iter_mut().enumerate() {
                let (mean, square) = (&mut self.mean.keys[slot][at], &mut self.square.keys[slot][at]);
                *x -= KEY_RATE * direction(gradient.keys[slot][at], mean, square);
            }
            *key = Direction::of(key).unit;
        }
        for (slot, strength) in point.strengths.iter_mut().enumerate() {
            let (mean, square) = (&mut self.mean.strengths[slot], &mut self.square.strengths[slot]);
            let step = direction(gradient.strengths[slot], mean, square);
            let rate = STRENGTH_RATE * strength.max(SMALL_STRENGTH);
            *strength = (*strength - rate * step).clamp(0.0, STRONGEST);
        }
    }
}

fn dot(a: &[f64; KEY_WIDTH], b: &[f64; KEY_WIDTH]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use mome_engine::QueryProjection;
    use mome_pack::Attention;
    use proptest::prelude::*;

    use super::super::slots::{loss, solve_slots};
    use super::super::trace::{Trace, distinct};
    use super::*;

    /// Nothing is given beyond what is attached, and neighbours are hardly held apart: hard for any key.
    const WEAK: Attention =
        Attention { beta: 16.0, gamma: 2.0, null: 12.0, margin: 4.0, accepted: 0.0, cap: 4.0 };

    fn identity() -> QueryProjection {
        QueryProjection(
            (0..KEY_WIDTH * KEY_WIDTH).map(|at| f32::from(u8::from(at % (KEY_WIDTH + 1) == 0))).collect(),
        )
    }

    /// A wording of an answer: at each place the state is turned so many degrees away from the place's own axis, and
    /// the bare backbone has no liking for the answer.
    fn wording(answer: &[u32], degrees: &[f32]) -> Trace {
        let mut hidden = vec![0.0; answer.len() * KEY_WIDTH];
        for (place, degrees) in degrees.iter().enumerate() {
            let (sine, cosine) = degrees.to_radians().sin_cos();
            hidden[place * KEY_WIDTH + 2 * place] = cosine;
            hidden[place * KEY_WIDTH + 2 * place + 1] = sine;
        }
        Trace {
            hidden,
            log_sums: vec![6.0; answer.len()],
            logits: vec![vec![0.0; distinct(answer).len()]; answer.len()],
        }
    }

    #[test]
    fn a_wording_that_the_others_outvote_is_reached_by_turning_the_key() {
        let answer = [3, 3, 5];
        let usual = wording(&answer, &[0.0, 0.0, 0.0]);
        let odd = wording(&answer, &[100.0, 90.0, 0.0]);
        let traces = [&usual, &usual, &usual, &odd];
        let task = Task::new(&identity(), &WEAK, &answer, &traces);
        let keys: Vec<_> = (0..answer.len()).map(|place| task.mean_direction(place)).collect();
        assert!(task.solved(&keys).loss > EPSILON, "the closed form is not enough here");

        let memorized = solve_slots(&identity(), &WEAK, &answer, &traces);
        assert!(memorized.refined && memorized.loss <= EPSILON, "{}", memorized.loss);
        assert_eq!(loss(&identity(), &WEAK, &memorized.slots, &traces), memorized.loss);
    }

    #[test]
    fn a_place_that_another_slot_leads_counts_as_not_held() {
        let answer = [3, 5];
        let usual = wording(&answer, &[0.0, 0.0]);
        // At the first place this wording's state is that of the second, so that the second slot leads there.
        let mut swapped = usual.clone();
        swapped.hidden.copy_within(KEY_WIDTH.., 0);
        let traces = [&usual, &usual, &usual, &swapped];
        let task = Task::new(&identity(), &WEAK, &answer, &traces);
        let keys: Vec<_> = (0..answer.len()).map(|place| task.mean_direction(place)).collect();
        assert_eq!(task.solved(&keys).loss, f32::INFINITY);
    }

    #[test]
    fn what_cannot_be_is_reported_with_its_loss() {
        let answer = [3];
        let (here, there) = (wording(&answer, &[0.0]), wording(&answer, &[180.0]));
        let memorized = solve_slots(&identity(), &WEAK, &answer, &[&here, &there]);
        assert!(memorized.refined && memorized.loss > EPSILON);
    }

    fn any_point() -> impl Strategy<Value = (Vec<u32>, Vec<Trace>, Point)> {
        let number = || -1f32..1.0;
        prop::collection::vec(0u32..4, 1..6).prop_flat_map(move |answer| {
            let (slots, watched) = (answer.len(), distinct(&answer).len());
            let states = prop::collection::vec(number(), slots * KEY_WIDTH);
            let logits = prop::collection::vec(prop::collection::vec(-3f32..3.0, watched), slots);
            let trace = (states, logits).prop_map(move |(hidden, logits)| Trace {
                hidden,
                log_sums: vec![6.0; slots],
                logits,
            });
            let key = prop::collection::vec(number(), KEY_WIDTH)
                .prop_map(|key| std::array::from_fn(|at| f64::from(key[at])));
            let keys = prop::collection::vec(key, slots);
            let point = (keys, prop::collection::vec(0f64..20.0, slots))
                .prop_map(|(keys, strengths)| Point { keys, strengths });
            (Just(answer), prop::collection::vec(trace, 1..3), point)
        })
    }

    proptest! {
        #[test]
        fn the_gradient_is_what_the_loss_changes_by((answer, traces, point) in any_point()) {
            let attention = Attention { accepted: 10.0, ..WEAK };
            let traces: Vec<&Trace> = traces.iter().collect();
            let query = identity();
            let task = Task::new(&query, &attention, &answer, &traces);
            let (_, gradient) = gradient(&task, &point);
            let slope = |change: &dyn Fn(&mut Point, f64)| {
                let [below, above] = [-1e-5, 1e-5].map(|by| {
                    let mut moved = point.clone();
                    change(&mut moved, by);
                    super::gradient(&task, &moved).0
                });
                (above - below) / 2e-5
            };
            let close = |analytic: f64, measured: f64| (analytic - measured).abs() < 1e-5 * (1.0 + measured.abs());
            for slot in 0..answer.len() {
                let measured = slope(&|point, by| point.strengths[slot] += by);
                prop_assert!(close(gradient.strengths[slot], measured), "{} {measured}", gradient.strengths[slot]);
                for at in [0, 17, KEY_WIDTH - 1] {
                    let measured = slope(&|point, by| point.keys[slot][at] += by);
                    prop_assert!(close(gradient.keys[slot][at], measured), "{} {measured}", gradient.keys[slot][at]);
                }
            }
        }
    }
}
