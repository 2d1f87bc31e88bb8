//! A word of opposite sense.

use super::tables::{ANTONYMS, Pair, PartOfSpeech};
use super::words::{FUNCTION_WORDS, Proposal, Words};

/// Forms of "be" and what else a predicate follows.
const COPULAS: [&str; 15] = [
    "is", "are", "was", "were", "be", "been", "am", "get", "gets", "becomes", "become", "too", "so", "very",
    "it's",
];

/// With one of these behind it a verb is another verb, whose contrary is another: "show up", "top up", "send back".
const PARTICLES: [&str; 6] = ["up", "down", "out", "off", "away", "back"];

/// Phrases in which a word has no opposite, or its opposite says the same.
const IDIOMS: [&[&str]; 55] = [
    &["as", "long", "as"],
    &["as", "soon", "as"],
    &["how", "long"],
    &["how", "old"],
    &["how", "tall"],
    &["how", "high"],
    &["how", "heavy"],
    &["how", "big"],
    &["how", "large"],
    &["how", "wide"],
    &["how", "deep"],
    &["how", "far"],
    &["how", "fast"],
    &["how", "hot"],
    &["how", "strong"],
    &["how", "thick"],
    &["how", "early"],
    &["how", "late"],
    &["how", "long"],
    &["how", "near"],
    &["how", "close"],
    &["how", "hard"],
    &["how", "loud"],
    &["how", "warm"],
    &["how", "cold"],
    &["how", "small"],
    &["how", "difficult"],
    &["how", "easy"],
    &["how", "safe"],
    &["how", "good"],
    &["how", "young"],
    &["years", "old"],
    &["year", "old"],
    &["months", "old"],
    &["right", "away"],
    &["right", "now"],
    &["right", "after"],
    &["right", "before"],
    &["the", "right", "to"],
    &["in", "general"],
    &["good", "morning"],
    &["good", "evening"],
    &["old", "town"],
    &["first", "aid"],
    &["open", "source"],
    &["front", "of"],
    &["at", "night"],
    &["in", "short"],
    &["a", "new"],
    &["new", "year"],
    &["new", "york"],
    &["new", "zealand"],
    &["get", "paid"],
    &["public", "holiday"],
    &["public", "holidays"],
];

pub(super) fn proposals(words: &Words<'_>) -> Vec<Proposal> {
    let is_polar = words.is_polar();
    let mut found = Vec::new();
    for at in 0..words.len() {
        let Some(pairs) = ANTONYMS.get(words.lower(at)) else { continue };
        let mut longest = 0;
        for pair in pairs {
            let phrase: Vec<&str> = pair.from.split(' ').collect();
            if phrase.len() < longest || !words.reads(at, &phrase) {
                continue;
            }
            longest = phrase.len();
            if asks_otherwise(words, at..at + phrase.len(), pair, is_polar) {
                found.push(
                    words.replaced(at..at + phrase.len(), pair.to).of_rule(pair.base.replace('|', "/")),
                );
            }
        }
    }
    found
}

/// Whether the pair makes another question here.
fn asks_otherwise(words: &Words<'_>, place: std::ops::Range<usize>, pair: &Pair, is_polar: bool) -> bool {
    let (at, end) = (place.start, place.end);
    let in_idiom = IDIOMS.iter().any(|idiom| {
        let first = (at + 1).saturating_sub(idiom.len());
        (first..=at).any(|start| start + idiom.len() > at && words.reads(start, idiom))
    });
    let has_particle = PARTICLES.contains(&words.lower(end));
    // A name keeps its words: "the Old Town Hall".
    let is_name = words.is_name(at);
    // Said with its contrary: "open and close", "on or off".
    let both = words.words.iter().any(|word| {
        ANTONYMS.get(words.lower(at)).is_some_and(|pairs| pairs.iter().any(|pair| pair.to == word.lower))
    });
    if in_idiom || has_particle || is_name || both {
        return false;
    }
    let before = words.before(at);
    let asks_the_same = is_polar && pair.is_contrary;
    match pair.part {
        PartOfSpeech::Adjective => {
            let is_attribute = !words.ends_phrase(end - 1) && !COPULAS.contains(&before) && before != "how";
            let is_predicate =
                COPULAS.contains(&before) || (!FUNCTION_WORDS.contains(&before) && before != "how");
            // "How do I clean it" is no adjective.
            let is_verb = ["i", "to"].contains(&before);
            !is_verb && (is_attribute || (is_predicate && !is_polar))
        }
        PartOfSpeech::Verb => !asks_the_same && !["a", "an", "the", "my", "your"].contains(&before),
        PartOfSpeech::Noun => !asks_the_same && !["i", "you", "we", "to"].contains(&before),
        PartOfSpeech::Other => !asks_the_same,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ChangeKind;
    use super::super::tests::{assert_makes, assert_makes_nothing};

    const KIND: ChangeKind = ChangeKind::Antonym;

    #[test]
    fn words_of_opposite_sense() {
        assert_makes(KIND, "When do you open?", "When do you close?");
        assert_makes(KIND, "Where is smoking allowed?", "Where is smoking forbidden?");
        assert_makes(KIND, "Can I sell my old phone here?", "Can I buy my old phone here?");
        assert_makes(KIND, "How do I turn on the alarm?", "How do I turn off the alarm?");
        assert_makes(KIND, "How do I enable alerts?", "How do I disable alerts?");
        assert_makes(KIND, "WHEN DO YOU OPEN?", "WHEN DO YOU CLOSE?");
        assert_makes(KIND, "Which is the longest river?", "Which is the shortest river?");
    }

    #[test]
    fn a_contrary_in_a_yes_or_no_question_asks_the_same() {
        assert_makes_nothing(KIND, "Are you open on Sundays?");
        assert_makes_nothing(KIND, "Is smoking allowed?");
        assert_makes_nothing(KIND, "Is the water hot?");
    }

    #[test]
    fn idioms_stay() {
        assert_makes_nothing(KIND, "How long does it take?");
        assert_makes_nothing(KIND, "Is my child of two years old admitted?");
        assert_makes_nothing(KIND, "When do you open and close?");
        assert_makes_nothing(KIND, "What are your hours on public holidays?");
        assert_makes_nothing(KIND, "How do I clean it?");
    }
}
