//! The slots that hold a fact's answer: one forward pass over question and answer gives the keys, and the strengths follow
//! in closed form (docs/design.md, "Answering"). Where that does not reach the loss, gradient steps over the fact's own keys
//! and strengths do.

use mome_engine::QueryProjection;
use mome_pack::{Attention, KEY_WIDTH, Slot, UnitVector};

use super::gradient_steps::refine;
pub use super::task::{EPSILON, SPARE, SolvedSlots};
use super::task::{Task, strengths_of};
use super::trace::Trace;

/// The slots for an answer: keys from the wordings' hidden states, and the least strengths with which every token
/// of every wording has a loss of at most [`EPSILON`], and [`SPARE`] on top; where those keys do not allow it, keys and
/// strengths that gradient steps lead to. Where that cannot be either, [`SolvedSlots::loss`] is larger.
#[must_use]
pub fn solve_slots(
    query: &QueryProjection,
    attention: &Attention,
    answer: &[u32],
    traces: &[&Trace],
) -> SolvedSlots {
    let task = Task::new(query, attention, answer, traces);
    let keys: Vec<_> = (0..answer.len()).map(|place| task.mean_direction(place)).collect();
    let solved = task.solved(&keys);
    if solved.loss <= EPSILON { solved } else { refine(&task, solved) }
}

/// The largest loss of an answer token over these wordings, with the keys and strengths of `slots`: infinite where
/// another slot than a place's own leads there.
#[must_use]
pub fn loss(query: &QueryProjection, attention: &Attention, slots: &[Slot], traces: &[&Trace]) -> f32 {
    let answer: Vec<u32> = slots.iter().map(|slot| slot.token).collect();
    let keys: Vec<UnitVector<KEY_WIDTH>> = slots.iter().map(|slot| slot.key).collect();
    let task = Task::new(query, attention, &answer, traces);
    task.largest_loss(&task.attended(&keys), &strengths_of(slots))
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::super::task::SPARE;
    use super::super::trace::distinct;
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
            let memorized = solve_slots(&identity(), &ATTENTION, &answer, &traces);
            prop_assert!(memorized.loss <= EPSILON, "{}", memorized.loss);
            let mut weaker = memorized.slots.clone();
            let weaken = |strength: f16| f16::from_f32(strength.to_f32() * 0.95 - SPARE);
            weaker.iter_mut().for_each(|slot| slot.strength = weaken(slot.strength));
            prop_assert!(loss(&identity(), &ATTENTION, &weaker, &traces) > EPSILON);
        }
    }

    #[test]
    fn what_the_backbone_knows_needs_no_strength() {
        let known = trace_of(&[3], &[20.0], 20.0, 0.0);
        let memorized = solve_slots(&identity(), &ATTENTION, &[3], &[&known]);
        assert_eq!(memorized.slots[0].strength, f16::ZERO);
        assert!(memorized.loss <= EPSILON);
    }

    #[test]
    fn a_slot_that_nothing_attends_to_is_not_memorized() {
        let far = trace_of(&[3], &[0.0], 9.0, 0.0);
        let mut against = far.clone();
        against.hidden.iter_mut().for_each(|x| *x = -*x);
        let deaf = Attention { accepted: 0.0, ..ATTENTION };
        let memorized = solve_slots(&identity(), &deaf, &[3], &[&far, &far, &against]);
        assert!(memorized.loss > EPSILON);
    }
}
