//! Another name of the same kind: a city for a city, another first name, another name of the pack that stands
//! after the same word.

use std::ops::Range;

use rand::{Rng, RngExt as _};

use super::names_in::{JOINING, Name, names_in};
use super::pack_words::PackWords;
use super::tables::{Group, NAMES};
use super::words::{Proposal, Words, stem};

/// How many names are tried in one place.
const TRIED: usize = 3;

pub(super) fn proposals(
    random: &mut impl Rng,
    pack: &PackWords,
    fact: usize,
    words: &Words<'_>,
) -> Vec<Proposal> {
    let mut found = Vec::new();
    for name in names_in(words) {
        found.extend(of_pack(random, pack, fact, words, &name));
        found.extend(given_name(random, words, &name));
    }
    found.extend(of_world(random, words));
    found
}

/// Names of other facts that follow the same word.
fn of_pack(
    random: &mut impl Rng,
    pack: &PackWords,
    fact: usize,
    words: &Words<'_>,
    name: &Name,
) -> Vec<Proposal> {
    let others = pack.names.get(&name.after).map_or(&[][..], Vec::as_slice);
    if others.is_empty() || NAMES.contains_key(name.text.to_lowercase().as_str()) {
        return Vec::new();
    }
    let drawn = (0..2 * TRIED).map(|_| &others[random.random_range(0..others.len())]);
    let fits = drawn.filter(|(other, drawn)| {
        // An abbreviation is no name for a person, nor a person one for a product.
        let is_alike = is_abbreviation(&drawn.text) == is_abbreviation(&name.text)
            && drawn.text.split(' ').count().abs_diff(name.text.split(' ').count()) <= 2;
        *other != fact && drawn.text.len() > 1 && is_alike && !shares_a_word(&drawn.text, &name.text)
    });
    fits.take(TRIED).map(|(_, other)| renamed(words, name.place.clone(), &other.text)).collect()
}

/// Another first name: Ada Lovelace, Anna Lovelace.
fn given_name(random: &mut impl Rng, words: &Words<'_>, name: &Name) -> Option<Proposal> {
    let first = words.lower(name.place.start);
    let group = NAMES.get(first).filter(|group| is_of(group, "anna") || is_of(group, "peter"))?;
    let is_person = name.place.len() >= 2 && !JOINING.contains(&words.lower(name.place.start + 1));
    let place = name.place.start..name.place.start + 1;
    is_person.then(|| other_of(random, group, first).map(|other| renamed(words, place, &titled(other))))?
}

/// Cities, countries and first names that stand alone, also in lower case.
fn of_world(random: &mut impl Rng, words: &Words<'_>) -> Vec<Proposal> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let bare = words.lower(at).trim_end_matches("'s");
        let two = format!("{bare} {}", words.lower(at + 1).trim_end_matches("'s"));
        let (length, group) = match (NAMES.get(two.as_str()), NAMES.get(bare)) {
            (Some(group), _) if words.gap(at) == " " => (2, *group),
            (_, Some(group)) => (1, *group),
            _ => {
                at += 1;
                continue;
            }
        };
        let text = if length == 2 { two.as_str() } else { bare };
        // Part of a longer name ("Paris Hilton", "New Oslo") it names something else.
        let is_capital =
            |at: usize| words.words.get(at).is_some_and(|w| w.text.starts_with(char::is_uppercase));
        let joined =
            at > 0 && is_capital(at - 1) && words.gap(at - 1) == " " && !words.begins_sentence(at - 1)
                || is_capital(at + length) && words.gap(at + length - 1) == " ";
        // A first name in lower case may be a word ("mark", "rose"); a place is one after "in", "to" or
        // "from".
        let is_lower = !is_capital(at);
        let after_place_word = ["in", "to", "from", "near", "of", "for"].contains(&words.before(at));
        // "The UK" has an article that others have not.
        let is_alone = !joined && words.before(at) != "the";
        if is_alone && (!is_lower || after_place_word && !is_of(group, "anna") && !is_of(group, "peter")) {
            for _ in 0..TRIED {
                let Some(other) = other_of(random, group, text) else { break };
                let other = if is_lower { other.to_owned() } else { titled(other) };
                found.push(renamed(words, at..at + length, &other));
            }
        }
        at += length;
    }
    found
}

/// The words replaced by a name, which keeps its own case, and "'s" after it kept.
fn renamed(words: &Words<'_>, place: Range<usize>, name: &str) -> Proposal {
    let last = words.words[place.end - 1].text;
    let owns = ["'s", "’s"].into_iter().find(|ending| last.ends_with(ending)).unwrap_or("");
    let mut proposal = words.replaced(place, name);
    if let Some((range, written)) = proposal.edits.last_mut() {
        range.end -= owns.len();
        *written = name.to_owned();
    }
    proposal.from.truncate(proposal.from.len() - owns.len());
    name.clone_into(&mut proposal.to);
    let rule = super::words::rule(&proposal.from, &proposal.to);
    proposal.of_rule(rule)
}

fn is_of(group: Group, name: &str) -> bool {
    group.contains(&name)
}

/// Another entry of the group than the one that this name is of.
fn other_of(random: &mut impl Rng, group: Group, name: &str) -> Option<&'static str> {
    let names_it = |entry: &&&str| entry.split('|').any(|alias| alias == name);
    let others: Vec<&str> = group.iter().filter(|entry| !names_it(entry)).copied().collect();
    let most = others.len().checked_sub(1)?;
    others[random.random_range(0..=most)].split('|').next()
}

fn titled(name: &str) -> String {
    name.split(' ').map(super::words::capitalized).collect::<Vec<_>>().join(" ")
}

fn is_abbreviation(name: &str) -> bool {
    name.chars().all(|letter| !letter.is_lowercase())
}

fn shares_a_word(one: &str, other: &str) -> bool {
    let words = |name: &str| -> Vec<String> { name.to_lowercase().split(' ').map(stem).collect() };
    let (one, other) = (words(one), words(other));
    one.iter().any(|word| !JOINING.contains(&word.as_str()) && other.contains(word))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::super::tests::{assert_makes_any, assert_makes_nothing};
    use super::super::{ChangeKind, NearMisses};

    const KIND: ChangeKind = ChangeKind::Name;

    #[test]
    fn names_of_the_world() {
        assert_makes_any(KIND, "How do I get to Oslo?", "How do I get to ", "?");
        assert_makes_any(KIND, "what is the capital of france", "what is the capital of ", "");
        assert_makes_any(KIND, "What is France's flag?", "What is ", "'s flag?");
        assert_makes_any(KIND, "Where was Ada Lovelace born?", "Where was ", " Lovelace born?");
    }

    #[test]
    fn names_of_the_pack_that_follow_the_same_word() {
        let pack = [vec!["Who wrote The Great Gatsby?"], vec!["Who wrote Persuasion, the novel of manners?"]];
        let near_misses = NearMisses::new(&pack);
        let made: Vec<String> = (0..50)
            .flat_map(|seed| near_misses.changes(&mut ChaCha8Rng::seed_from_u64(seed), 1, pack[1][0], 9))
            .filter(|change| change.kind == KIND)
            .map(|change| change.text)
            .collect();
        assert!(made.contains(&"Who wrote The Great Gatsby, the novel of manners?".to_owned()), "{made:?}");
    }

    #[test]
    fn what_names_nothing_stays() {
        assert_makes_nothing(KIND, "Can I come in?");
        assert_makes_nothing(KIND, "How do I mark a day?");
    }
}
