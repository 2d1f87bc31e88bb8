//! Another thing of the same type: a colour for a colour, a weekday for a weekday.

use rand::{Rng, RngExt as _};

use super::tables::{Group, SISTER_TERMS};
use super::words::{Proposal, Words};

/// How many words of a group are tried in one place.
const TRIED: usize = 3;

/// Where a word of a group is no thing of its type: "may" and "march" as verbs, "second hand", "apple" as a
/// firm.
const OTHERWISE: [&[&str]; 16] = [
    &["may", "i"],
    &["may", "we"],
    &["card", "number"],
    &["home", "page"],
    &["black", "friday"],
    &["good", "friday"],
    &["green", "card"],
    &["credit", "note"],
    &["bank", "holiday"],
    &["white", "wine"],
    &["hot", "dog"],
    &["phone", "number"],
    &["email", "address"],
    &["red", "cross"],
    &["cheque", "in"],
    &["on", "foot"],
];

pub(super) fn proposals(random: &mut impl Rng, words: &Words<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    for at in 0..words.len() {
        for (length, group) in groups_at(words, at) {
            let from =
                words.words[at..at + length].iter().map(|word| word.lower.as_str()).collect::<Vec<_>>();
            let from = from.join(" ");
            for other in some_others(random, group, &from) {
                let both = words.words.iter().any(|word| word.lower == other);
                if !both {
                    found.push(words.replaced(at..at + length, other));
                }
            }
        }
    }
    found
}

/// The groups that the word here belongs to, or the two words from here, with how many words they are.
fn groups_at<'a>(words: &Words<'a>, at: usize) -> Vec<(usize, Group)> {
    let otherwise = OTHERWISE
        .iter()
        .any(|phrase| (0..phrase.len()).any(|back| at >= back && words.reads(at - back, phrase)));
    // A capital within a sentence makes a name of it, but for days and months, which all have one.
    let text = words.words[at].text;
    let is_name = words.is_name(at) && text.chars().any(char::is_lowercase);
    if otherwise || is_name && !has_capital_always(words.lower(at)) {
        return Vec::new();
    }
    if at + 1 < words.len() && words.gap(at) == " " {
        let two = format!("{} {}", words.lower(at), words.lower(at + 1));
        if let Some(groups) = SISTER_TERMS.get(two.as_str()) {
            return groups.iter().map(|group| (2, *group)).collect();
        }
    }
    SISTER_TERMS.get(words.lower(at)).into_iter().flatten().map(|group| (1, *group)).collect()
}

/// Days, months and languages.
pub(super) fn has_capital_always(word: &str) -> bool {
    let is_one =
        |group: &Group| ["monday", "mondays", "july", "english"].iter().any(|one| group.contains(one));
    SISTER_TERMS.get(word).is_some_and(|groups| groups.iter().any(is_one))
}

fn some_others(random: &mut impl Rng, group: Group, from: &str) -> Vec<&'static str> {
    let others: Vec<&str> = group.iter().copied().filter(|&word| word != from).collect();
    let Some(most) = others.len().checked_sub(1) else { return Vec::new() };
    (0..TRIED.min(others.len())).map(|_| others[random.random_range(0..=most)]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::SisterTerm;

    #[test]
    fn another_of_the_same_type() {
        assert_makes(KIND, "Are you open on Sundays?", "Are you open on Mondays?");
        assert_makes(KIND, "Can I bring my dog?", "Can I bring my cat?");
        assert_makes(KIND, "Do you have it in red?", "Do you have it in blue?");
        assert_makes(KIND, "Is there a discount for children?", "Is there a discount for students?");
    }

    #[test]
    fn names_and_set_phrases_stay() {
        assert_makes_nothing(KIND, "Who founded the Red Cross?");
        assert_makes_nothing(KIND, "May I come in?");
    }
}
