//! Another property of the same thing: its height, its price, its designer.

use rand::{Rng, RngExt as _};

use super::tables::{Group, PROPERTIES};
use super::words::{Proposal, Words, rule};

const TRIED: usize = 3;

pub(super) fn proposals(random: &mut impl Rng, words: &Words<'_>) -> Vec<Proposal> {
    let mut found: Vec<Proposal> = death_for_birth(words).into_iter().collect();
    let mut at = 0;
    while at < words.len() {
        let two = format!("{} {}", words.lower(at), words.lower(at + 1));
        let (length, groups) = match (PROPERTIES.get(two.as_str()), PROPERTIES.get(words.lower(at))) {
            (Some(groups), _) if words.gap(at) == " " => (2, groups),
            (_, Some(groups)) => (1, groups),
            _ => {
                at += 1;
                continue;
            }
        };
        if is_property(words, at, length) {
            for group in groups {
                found.extend(others(random, group, words, at, length));
            }
        }
        at += length;
    }
    found
}

/// "When was Ada born", "When did Ada die".
fn death_for_birth(words: &Words<'_>) -> Option<Proposal> {
    let born = (0..words.len()).find(|&at| words.lower(at) == "born" && words.ends_phrase(at))?;
    let be = (0..born).find(|&at| ["was", "were"].contains(&words.lower(at)))?;
    let asks = ["when", "where"].contains(&words.before(be)) && be + 1 < born;
    let edits =
        vec![(words.words[be].span.clone(), "did".into()), (words.words[born].span.clone(), "die".into())];
    let (from, to) = ("born".to_owned(), "die".to_owned());
    asks.then(|| Proposal { edits, rule: rule(&from, &to), from, to })
}

/// Whether it is asked for here: a noun with what has it after or before ("the height of", "my phone's
/// price"), a verb form ("was born"), or the whole of a keyword query ("tower height").
fn is_property(words: &Words<'_>, at: usize, length: usize) -> bool {
    let before = words.before(at);
    let is_name = words.is_name(at);
    let is_part_of_compound = !words.ends_phrase(at + length - 1);
    let is_verb = words.lower(at).ends_with("ed")
        || ["born", "wrote", "sang", "built", "died"].contains(&words.lower(at));
    let asks = words.lower(words.asking().start);
    // "Who sold it" asks for a property, "is it sold" for none.
    if is_verb {
        let of_person = ["where", "when"].contains(&asks);
        return !is_name && (before == "who" || of_person && words.ends_phrase(at + length - 1));
    }
    // "the length of the cable" is a property; "of any length" is none, and "how long is the warranty" asks
    // for a length.
    let owners = ["the", "my", "its", "your", "their", "our", "his", "her", "what", "which", "whose"];
    let is_owned = owners.contains(&before) || before.ends_with("'s");
    let asks_at_all = words.begins_with_auxiliary() || asks.starts_with("wh") || asks == "how";
    let is_keyword = words.len() <= 4 && at + length == words.len() && at > 0 && !asks_at_all;
    let is_measured = asks == "how" && !["do", "can"].contains(&words.lower(words.asking().start + 1));
    !is_name && !is_part_of_compound && !is_measured && (is_owned || is_keyword)
}

fn others(random: &mut impl Rng, group: Group, words: &Words<'_>, at: usize, length: usize) -> Vec<Proposal> {
    let here: Vec<&str> = (at..at + length).map(|at| words.lower(at)).collect();
    let here = here.join(" ");
    let others: Vec<&str> = group
        .iter()
        .copied()
        .filter(|&other| other != here && !words.words.iter().any(|word| word.lower == other))
        .collect();
    let Some(most) = others.len().checked_sub(1) else { return Vec::new() };
    let drawn = (0..TRIED).map(|_| others[random.random_range(0..=most)]);
    drawn.map(|other| words.replaced(at..at + length, other)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::Property;

    #[test]
    fn another_property() {
        assert_makes(KIND, "What is the height of the tower?", "What is the width of the tower?");
        assert_makes(KIND, "Who designed the tower?", "Who financed the tower?");
        assert_makes(KIND, "Where was Ada Lovelace born?", "Where was Ada Lovelace buried?");
        assert_makes(KIND, "When was Ada Lovelace born?", "When did Ada Lovelace die?");
        assert_makes(KIND, "What is the capital of Norway?", "What is the population of Norway?");
        assert_makes(KIND, "How do I change my password?", "How do I change my username?");
    }

    #[test]
    fn what_is_no_property_stays() {
        assert_makes_nothing(KIND, "Can I bring a rope of any length?");
        assert_makes_nothing(KIND, "Where is the weight room?");
    }
}
