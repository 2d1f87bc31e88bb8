//! What a reranker makes of pairs whose class is known.

use std::collections::BTreeMap;
use std::fmt;

use super::{Class, Origin, Pair};

/// Shares of the wrong pairs for which a threshold is taken.
const LEVELS: [f64; 2] = [0.01, 0.05];

/// What a reranker makes of pairs whose class is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// By class: how many pairs there were, and how many were taken for what they are.
    pub classes: BTreeMap<Class, Count>,
    /// By how they were made, changes that are never trained on apart (`true`): how many pairs there were, and how
    /// many fell on the right side of same and not the same.
    pub origins: BTreeMap<(Origin, bool), Count>,
    /// The area under the ROC curve of the score, same against not the same.
    pub auroc: f64,
    /// The share of the same pairs that score above the threshold where 1 % and 5 % of the others do.
    pub recall: [f64; 2],
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many were right.
    pub right: usize,
    /// How many there were.
    pub of: usize,
}

impl Evaluation {
    /// Of these pairs with these logits (same, changed, other).
    #[must_use]
    pub fn of(pairs: &[Pair], logits: &[[f32; 3]]) -> Self {
        let mut evaluation = Self::default();
        let (mut same, mut others) = (Vec::new(), Vec::new());
        for (pair, logits) in pairs.iter().zip(logits) {
            let score = score(*logits);
            let is_same = pair.class == Class::Same;
            if is_same {
                same.push(score);
            } else {
                others.push(score);
            }
            evaluation.classes.entry(pair.class).or_default().add(taken_for(*logits) == pair.class);
            let by_origin = evaluation.origins.entry((pair.origin, pair.held_out)).or_default();
            by_origin.add((score > 0.0) == is_same);
        }
        same.sort_by(f32::total_cmp);
        others.sort_by(f32::total_cmp);
        evaluation.auroc = auroc(&same, &others);
        evaluation.recall = LEVELS.map(|level| recall(&same, &others, level));
        evaluation
    }
}

impl Count {
    fn add(&mut self, is_right: bool) {
        self.of += 1;
        self.right += usize::from(is_right);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.right as f64 / self.of.max(1) as f64;
        write!(f, "{share:.1} % of {}", self.of)
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, five] = self.recall.map(|share| 100.0 * share);
        writeln!(f, "AUROC {:.4}, same at 1 % of the others {one:.1} %, at 5 % {five:.1} %", self.auroc)?;
        for (class, count) in &self.classes {
            writeln!(f, "  {class:?}: {count}")?;
        }
        for ((origin, held_out), count) in &self.origins {
            let never = if *held_out { ", never trained on" } else { "" };
            writeln!(f, "    {origin}{never}: {count}")?;
        }
        Ok(())
    }
}

/// The log odds of `same`.
fn score([same, changed, other]: [f32; 3]) -> f32 {
    let largest = changed.max(other);
    same - largest - ((changed - largest).exp() + (other - largest).exp()).ln()
}

fn taken_for([same, changed, other]: [f32; 3]) -> Class {
    if same >= changed && same >= other {
        Class::Same
    } else if changed >= other {
        Class::Changed
    } else {
        Class::Other
    }
}

/// The chance that one of `same` is above one of `others`; both ascend.
fn auroc(same: &[f32], others: &[f32]) -> f64 {
    let below = |score: &f32| {
        let less = others.partition_point(|other| other < score);
        let not_more = others.partition_point(|other| other <= score);
        (less + not_more) as f64 / 2.0
    };
    same.iter().map(below).sum::<f64>() / (same.len() * others.len()).max(1) as f64
}

/// The share of `same` above the threshold that at most `level` of `others` are above; both ascend.
fn recall(same: &[f32], others: &[f32], level: f64) -> f64 {
    let above = (others.len() as f64 * level).floor() as usize;
    let threshold = others.len().checked_sub(above + 1).map_or(f32::NEG_INFINITY, |place| others[place]);
    let found = same.len() - same.partition_point(|score| *score <= threshold);
    found as f64 / same.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;

    fn pair(class: Class) -> Pair {
        let origin = if class == Class::Same { Origin::Wordings } else { Origin::Facts };
        Pair { question: String::new(), wording: String::new(), class, origin, held_out: false }
    }

    #[test]
    fn classes_and_origins_are_counted() {
        let pairs = [Class::Same, Class::Same, Class::Changed, Class::Other].map(pair);
        let logits = [[3.0, 0.0, 0.0], [0.5, 0.4, 0.4], [0.0, 2.0, 1.0], [0.0, 2.0, 1.0]];
        let evaluation = Evaluation::of(&pairs, &logits);
        assert_eq!(evaluation.classes[&Class::Same], Count { right: 2, of: 2 });
        assert_eq!(evaluation.classes[&Class::Changed], Count { right: 1, of: 1 });
        assert_eq!(evaluation.classes[&Class::Other], Count { right: 0, of: 1 });
        // "Same" leads in the second pair, but the others together are likelier.
        assert_eq!(evaluation.origins[&(Origin::Wordings, false)], Count { right: 1, of: 2 });
        assert_eq!(evaluation.origins[&(Origin::Facts, false)], Count { right: 2, of: 2 });
        assert!((evaluation.auroc - 1.0).abs() < 1e-12);
    }

    #[test]
    fn thresholds_let_no_more_through_than_said() {
        let others: Vec<f32> = (0..100).map(|score| score as f32).collect();
        assert!((recall(&[97.5, 98.5, 99.5], &others, 0.01) - 2.0 / 3.0).abs() < 1e-12);
        assert!((recall(&[93.5, 94.5], &others, 0.05) - 0.5).abs() < 1e-12);
        assert!((recall(&[1.0], &[], 0.05) - 1.0).abs() < 1e-12);
        assert!((auroc(&[1.0, 3.0], &[1.0, 2.0]) - 0.625).abs() < 1e-12);
    }
}
