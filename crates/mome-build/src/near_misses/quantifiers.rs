//! Another quantity or direction: all and none, at least and at most, before and after, from and until.

use super::tables::QUANTIFIERS;
use super::words::{Proposal, Words};

/// Phrases in which such a word says nothing of quantity or direction.
const IDIOMS: [&[&str]; 29] = [
    &["at", "all"],
    &["after", "all"],
    &["all", "right"],
    &["all", "the"],
    &["all", "my"],
    &["all", "of", "a"],
    &["once", "and", "for", "all"],
    &["above", "all"],
    &["much", "more"],
    &["more", "details"],
    &["more", "about"],
    &["find", "out", "more"],
    &["no", "more"],
    &["any", "more"],
    &["what", "is", "more"],
    &["over", "there"],
    &["over", "the", "phone"],
    &["over", "to"],
    &["come", "over"],
    &["take", "over"],
    &["left", "over"],
    &["look", "after"],
    &["day", "after", "tomorrow"],
    &["once", "more"],
    &["most", "of"],
    &["at", "first"],
    &["first", "aid"],
    &["last", "time"],
    &["last", "week"],
];

pub(super) fn proposals(words: &Words<'_>) -> Vec<Proposal> {
    let is_polar = words.is_polar();
    let mut found = Vec::new();
    for at in 0..words.len() {
        let Some(pairs) = QUANTIFIERS.get(words.lower(at)) else { continue };
        let in_idiom = IDIOMS.iter().any(|idiom| {
            let first = (at + 1).saturating_sub(idiom.len());
            (first..=at).any(|start| words.reads(start, idiom))
        });
        if in_idiom {
            continue;
        }
        for pair in pairs {
            let phrase: Vec<&str> = pair.from.split(' ').collect();
            // "Which are some of them" is mostly answered as "which are all of them", and "up to what" asks for an amount.
            let asks_the_same = pair.from == "some"
                || words.lower(at + phrase.len()) == "what"
                || words.words.iter().any(|word| word.lower == pair.to)
                || (is_polar && pair.is_contrary);
            if words.reads(at, &phrase) && !asks_the_same {
                found.push(
                    words.replaced(at..at + phrase.len(), pair.to).of_rule(pair.base.replace('|', "/")),
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::Quantifier;

    #[test]
    fn quantities_and_directions() {
        assert_makes(KIND, "Must I stay at least a week?", "Must I stay at most a week?");
        assert_makes(KIND, "Do all rooms have a bath?", "Do some rooms have a bath?");
        assert_makes(KIND, "What must I do before the flight?", "What must I do after the flight?");
        assert_makes(KIND, "What is the maximum stay?", "What is the minimum stay?");
    }

    #[test]
    fn idioms_stay() {
        assert_makes_nothing(KIND, "Do you sell bread at all?");
        assert_makes_nothing(KIND, "Why is it much more expensive?");
    }
}
