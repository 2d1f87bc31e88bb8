//! Near misses: questions made from a pack's own wordings that look alike and ask something else. They
//! calibrate the gate of a pack and train the reranker. The counterpart, [`keeping`], changes a wording as
//! people do who ask the same.
//!
//! What matters is that the label is right. A change is made only to what decides the question (see
//! `guards`), and what is made must not be another question that the pack knows. Two choices follow from it:
//!
//! - In a question that is answered by yes or no, nothing is turned into its contrary: "Are you open on
//!   Sundays?" and "Are you closed on Sundays?" have one answer.
//! - A word of a paraphrase that the fact's question does not have is taken for a detail ("my son turns
//!   *five* on *Saturday*") and left alone.
//!
//! English only.

mod antonyms;
mod change;
mod guards;
mod insertions;
mod keeping;
mod names;
mod names_in;
mod negation;
mod numbers;
mod pack_words;
mod properties;
mod quantifiers;
mod question_words;
mod roles;
mod sister_terms;
mod tables;
mod typing;
mod words;

pub use change::{Change, ChangeKind, is_held_out};
pub use keeping::keeping;
pub use typing::Typing;

use rand::Rng;
use rand::seq::SliceRandom as _;

use guards::Guards;
use pack_words::PackWords;
use words::{Proposal, Words, normalized};

/// Makes near misses of the wordings of one pack.
#[derive(Debug)]
pub struct NearMisses {
    pack: PackWords,
}

impl NearMisses {
    /// Reads the wordings of a pack: of each fact all of them, its question first. Collects the pack's names
    /// and which words each fact has.
    #[must_use]
    pub fn new<Wording: AsRef<str>>(facts: &[Vec<Wording>]) -> Self {
        Self { pack: PackWords::of(facts) }
    }

    /// At most `at_most` near misses of `wording`, which is one of the fact's (or another way to ask it): as
    /// many kinds as can be, then as many of each. Fewer where nothing in it decides, none where `fact` is
    /// not one of the pack.
    ///
    /// The same seed, pack and wording give the same changes.
    pub fn changes(&self, random: &mut impl Rng, fact: usize, wording: &str, at_most: usize) -> Vec<Change> {
        let words = Words::of(wording);
        let Some(guards) = Guards::new(&self.pack, fact, &words) else { return Vec::new() };
        let mut kinds: Vec<(ChangeKind, Vec<Proposal>)> = ChangeKind::ALL
            .into_iter()
            .map(|kind| (kind, self.proposals(random, kind, fact, &words)))
            .collect();
        kinds.shuffle(random);
        for (_, proposals) in &mut kinds {
            proposals.shuffle(random);
        }
        let mut changes: Vec<Change> = Vec::new();
        let mut seen = vec![normalized(wording)];
        while changes.len() < at_most && kinds.iter().any(|(_, proposals)| !proposals.is_empty()) {
            for (kind, proposals) in &mut kinds {
                let found = std::iter::from_fn(|| proposals.pop()).find_map(|proposal| {
                    let text = guards.accepted(*kind, &proposal)?;
                    let made = normalized(&text);
                    (!seen.contains(&made)).then(|| {
                        seen.push(made);
                        Change::new(*kind, text, proposal)
                    })
                });
                if changes.len() < at_most {
                    changes.extend(found);
                }
            }
        }
        changes
    }

    fn proposals(
        &self,
        random: &mut impl Rng,
        kind: ChangeKind,
        fact: usize,
        words: &Words<'_>,
    ) -> Vec<Proposal> {
        match kind {
            ChangeKind::Number => numbers::proposals(random, words),
            ChangeKind::Negation => negation::proposals(words),
            ChangeKind::Antonym => antonyms::proposals(words),
            ChangeKind::SisterTerm => sister_terms::proposals(random, words),
            ChangeKind::Name => names::proposals(random, &self.pack, fact, words),
            ChangeKind::Role => roles::proposals(words),
            ChangeKind::Quantifier => quantifiers::proposals(words),
            ChangeKind::QuestionWord => question_words::proposals(words),
            ChangeKind::Property => properties::proposals(random, words),
            ChangeKind::Insertion => insertions::proposals(random, words),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// What the changes of a kind make of a wording that is a pack of its own, over many draws.
    pub(super) fn all_of(kind: ChangeKind, wording: &str) -> BTreeSet<String> {
        let near_misses = NearMisses::new(&[vec![wording]]);
        (0..200)
            .flat_map(|seed| near_misses.changes(&mut ChaCha8Rng::seed_from_u64(seed), 0, wording, 40))
            .filter(|change| change.kind == kind)
            .map(|change| change.text)
            .collect()
    }

    pub(super) fn assert_makes(kind: ChangeKind, wording: &str, expected: &str) {
        let made = all_of(kind, wording);
        assert!(made.contains(expected), "{wording} became {made:?}");
    }

    /// That something else stands between the two ends.
    pub(super) fn assert_makes_any(kind: ChangeKind, wording: &str, start: &str, end: &str) {
        let made = all_of(kind, wording);
        assert!(
            made.iter().any(|made| made.starts_with(start) && made.ends_with(end)),
            "{wording}: {made:?}"
        );
    }

    pub(super) fn assert_makes_nothing(kind: ChangeKind, wording: &str) {
        let made = all_of(kind, wording);
        assert!(made.is_empty(), "{wording} became {made:?}");
    }

    fn texts(pack: &[Vec<&str>], fact: usize, wording: &str) -> BTreeSet<String> {
        let near_misses = NearMisses::new(pack);
        let draws = (0..100).map(ChaCha8Rng::seed_from_u64);
        draws
            .flat_map(|mut random| near_misses.changes(&mut random, fact, wording, 40))
            .map(|c| c.text)
            .collect()
    }

    #[test]
    fn what_another_fact_asks_is_not_made() {
        let pack = [vec!["When do you open?"], vec!["At what hour do you close?", "closing time"]];
        assert!(!texts(&pack, 0, pack[0][0]).contains("When do you close?"));
    }

    #[test]
    fn what_another_wording_of_the_fact_says_is_not_made() {
        let pack = [vec!["When do you open?", "When are you no longer closed?"]];
        assert!(!texts(&pack, 0, pack[0][0]).contains("When do you close?"));
    }

    #[test]
    fn a_detail_of_a_story_is_left_alone() {
        let story = "My son turns five on Saturday, is there a cake for him?";
        let pack = [vec!["Do you bake a birthday cake?", "birthday cake", story]];
        let made = texts(&pack, 0, story);
        assert!(made.iter().all(|made| made.contains("five on Saturday")), "{made:?}");
    }

    #[test]
    fn no_more_than_asked_for_and_none_of_a_fact_that_is_not_there() {
        let near_misses = NearMisses::new(&[vec!["Can I bring 2 dogs to the red house in Oslo?"]]);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let wording = "Can I bring 2 dogs to the red house in Oslo?";
        assert_eq!(near_misses.changes(&mut random, 0, wording, 3).len(), 3);
        assert!(near_misses.changes(&mut random, 0, wording, 0).is_empty());
        assert!(near_misses.changes(&mut random, 7, wording, 3).is_empty());
    }

    #[test]
    fn a_change_can_be_made_on_both_sides() {
        let near_misses = NearMisses::new(&[vec!["When do you open?"]]);
        let changes = near_misses.changes(&mut ChaCha8Rng::seed_from_u64(1), 0, "When do you open?", 40);
        let change = changes.iter().find(|change| change.pair.1 == "close").expect("an antonym");
        assert_eq!(change.rule, "close/open");
        assert_eq!(
            change.also_made_in("What time do you open, please?").as_deref(),
            Some("What time do you close, please?")
        );
        assert_eq!(change.also_made_in("opening hours"), None);
    }

    #[test]
    fn about_a_third_is_held_out_and_a_pair_always_or_never() {
        let pack = [vec!["Can I bring 2 red dogs to the big house in Oslo on Monday before noon?"]];
        let near_misses = NearMisses::new(&pack);
        let mut by_rule = std::collections::BTreeMap::new();
        for seed in 0..500 {
            for change in near_misses.changes(&mut ChaCha8Rng::seed_from_u64(seed), 0, pack[0][0], 40) {
                let before = by_rule.insert((change.kind, change.rule.clone()), change.held_out);
                assert!(before.is_none_or(|before| before == change.held_out), "{}", change.rule);
            }
        }
        let held_out = by_rule.values().filter(|&&held_out| held_out).count();
        assert!(
            (by_rule.len() / 5..by_rule.len() / 2).contains(&held_out),
            "{held_out} of {}",
            by_rule.len()
        );
    }

    proptest! {
        #[test]
        fn any_text_can_be_changed(text in "\\PC{0,80}", other in "\\PC{0,40}", seed in any::<u64>()) {
            let near_misses = NearMisses::new(&[vec![text.as_str()], vec![other.as_str()]]);
            let changes = near_misses.changes(&mut ChaCha8Rng::seed_from_u64(seed), 0, &text, 40);
            for change in changes {
                prop_assert_ne!(normalized(&change.text), normalized(&text));
                prop_assert_ne!(normalized(&change.text), normalized(&other));
                let _ = change.also_made_in(&other);
            }
            let kept = keeping(&mut ChaCha8Rng::seed_from_u64(seed), &text);
            prop_assert!(text.trim().is_empty() || !kept.trim().is_empty());
        }

        #[test]
        fn likely_words_in_any_order_can_be_changed(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "from", "to", "with", "if", "i", "not", "is", "Oslo", "3", "X200", "7:30", "can", "you", "call",
                    "me?", "the", "open", "Ada's", "first", "instead", "of", "a", "how", "much", "İX", "’s", "II",
                ]),
                0..14,
            ),
            seed in any::<u64>(),
        ) {
            let text = words.join(" ");
            let near_misses = NearMisses::new(&[vec![text.as_str()]]);
            let make = || near_misses.changes(&mut ChaCha8Rng::seed_from_u64(seed), 0, &text, 40);
            let changes = make();
            prop_assert!(changes.iter().all(|change| normalized(&change.text) != normalized(&text)));
            prop_assert_eq!(changes, make());
            let keep = || keeping(&mut ChaCha8Rng::seed_from_u64(seed), &text);
            prop_assert_eq!(keep(), keep());
        }
    }
}
