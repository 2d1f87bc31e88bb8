//! Ways in which people type one and the same question, one by one: what a pack makes of each is a figure of its own.

use std::fmt;

use rand::seq::IndexedRandom as _;
use rand::{Rng, RngExt as _};

use super::tables::{SISTER_TERMS, SPELLINGS};
use super::words::{FUNCTION_WORDS, QUESTION_WORDS, Words, capitalized, in_case_of};

/// A way to type a question that asks the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Typing {
    /// A letter of a longer word missing, doubled, or two that changed places.
    Typo,
    /// The key beside the right one.
    NeighborKey,
    /// No capitals.
    LowerCase,
    /// Without the mark at the end.
    NoMarks,
    /// British for American spelling and the other way round.
    Spelling,
    /// A thing in the plural for one in the singular and the other way round.
    Plural,
    /// With a greeting or a filler before it.
    Greeting,
    /// Between two sentences that ask nothing.
    InSentences,
    /// Only its keywords, as typed into a search field.
    Keywords,
}

/// What people put before a question.
const OPENINGS: [&str; 16] = [
    "please ",
    "hi, ",
    "hello, ",
    "hey ",
    "so ",
    "can you tell me ",
    "could you say ",
    "do you know ",
    "i want to know ",
    "i'd like to know ",
    "quick question: ",
    "tell me ",
    "just wondering, ",
    "good morning, ",
    "sorry to bother you, ",
    "one thing: ",
];

/// What people say around a question.
const BEFORE: [&str; 6] = [
    "Hi, I hope you can help me. ",
    "I'm new here. ",
    "I couldn't find this on your page. ",
    "A friend sent me here. ",
    "I've been looking for a while now. ",
    "Sorry if this was asked before. ",
];
const AFTER: [&str; 6] = [
    " Thanks in advance for your help.",
    " I'd be glad to hear from you.",
    " I have no idea, to be honest.",
    " It would be good to know.",
    " My wife asked me and I couldn't say.",
    " Have a nice day!",
];

/// Words that a keyword query does without. Not those that decide: "not", "from", "without", "who".
const DROPPED: [&str; 30] = [
    "a", "an", "the", "is", "are", "was", "were", "do", "does", "did", "of", "my", "your", "our", "i", "you",
    "it", "that", "this", "be", "me", "we", "am", "there", "please", "can", "could", "any", "some", "have",
];

/// Words with which a query is more than its keywords.
const MODAL: [&str; 14] = [
    "must", "should", "may", "need", "not", "can't", "don't", "without", "if", "cannot", "isn't", "who",
    "whom", "has",
];

/// Keys next to each other on a keyboard, row by row.
const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

impl Typing {
    /// All ways.
    pub const ALL: [Self; 9] = [
        Self::Typo,
        Self::NeighborKey,
        Self::LowerCase,
        Self::NoMarks,
        Self::Spelling,
        Self::Plural,
        Self::Greeting,
        Self::InSentences,
        Self::Keywords,
    ];

    /// The name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typo => "typo",
            Self::NeighborKey => "neighbour key",
            Self::LowerCase => "lower case",
            Self::NoMarks => "no marks",
            Self::Spelling => "British or American",
            Self::Plural => "plural or singular",
            Self::Greeting => "greeting or filler",
            Self::InSentences => "inside two sentences",
            Self::Keywords => "keywords",
        }
    }

    /// A wording typed in this way; `None` where that would be the same text. English only.
    pub fn typed(self, random: &mut impl Rng, wording: &str) -> Option<String> {
        let text = match self {
            Self::Typo => mistyped(random, wording, with_typo),
            Self::NeighborKey => {
                mistyped(random, wording, |_, letters, at| letters[at] = beside(letters[at]))
            }
            Self::LowerCase => wording.to_lowercase(),
            Self::NoMarks => wording.trim_end_matches(['.', '?', '!', ' ']).to_owned(),
            Self::Spelling => each_word(wording, |lower| SPELLINGS.get(lower).copied()),
            Self::Plural => counted_otherwise(random, wording),
            Self::Greeting => opened(random, wording),
            Self::InSentences => in_sentences(random, wording),
            Self::Keywords => keywords(wording),
        };
        (text != wording && !text.is_empty()).then_some(text)
    }
}

impl fmt::Display for Typing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// With words before it: the first word loses its capital where it is no name.
pub(super) fn opened(random: &mut impl Rng, text: &str) -> String {
    let opening = OPENINGS.choose(random).unwrap_or(&"");
    let words = Words::of(text);
    let starts_small = words.words.first().is_some_and(|word| {
        let lower = word.lower.as_str();
        let small = FUNCTION_WORDS.contains(&lower) || QUESTION_WORDS.contains(&lower);
        small && lower != "i" && word.span.start == 0
    });
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if starts_small => {
            format!("{}{}{}", capitalized(opening), first.to_lowercase(), letters.as_str())
        }
        _ => format!("{opening}{text}"),
    }
}

fn in_sentences(random: &mut impl Rng, text: &str) -> String {
    let (before, after) = (BEFORE.choose(random).unwrap_or(&""), AFTER.choose(random).unwrap_or(&""));
    let mark = if text.ends_with(['?', '.', '!']) { "" } else { "?" };
    format!("{before}{text}{mark}{after}")
}

/// A thing that the tables know with an `s` put to it or taken off.
fn counted_otherwise(random: &mut impl Rng, text: &str) -> String {
    let words = Words::of(text);
    let other = |lower: &str| -> Option<String> {
        let is_thing = |word: &str| word.len() > 2 && SISTER_TERMS.contains_key(word);
        match lower.strip_suffix('s') {
            Some(one) if is_thing(one) => Some(one.to_owned()),
            None if is_thing(lower) && SISTER_TERMS.contains_key(format!("{lower}s").as_str()) => {
                Some(format!("{lower}s"))
            }
            _ => None,
        }
    };
    let found: Vec<_> = words
        .words
        .iter()
        .filter_map(|word| Some((word.span.clone(), in_case_of(word.text, &other(&word.lower)?))))
        .collect();
    match found.choose(random) {
        Some(edit) => words.edited(std::slice::from_ref(edit)),
        None => text.to_owned(),
    }
}

/// The text with another word for each that has one.
pub(super) fn each_word(text: &str, other: impl Fn(&str) -> Option<&'static str>) -> String {
    let words = Words::of(text);
    let edits: Vec<_> = words
        .words
        .iter()
        .filter_map(|word| Some((word.span.clone(), in_case_of(word.text, other(&word.lower)?))))
        .collect();
    words.edited(&edits)
}

/// Only the words with a topic, as typed into a search field; the wording itself where a modal or a negation
/// decides.
fn keywords(text: &str) -> String {
    let words = Words::of(text);
    if words.words.iter().any(|word| MODAL.contains(&word.lower.as_str())) {
        return text.to_owned();
    }
    let kept: Vec<&str> = words
        .words
        .iter()
        .filter(|word| !DROPPED.contains(&word.lower.as_str()))
        .map(|word| word.text)
        .collect();
    if kept.len() < 2 { text.to_owned() } else { kept.join(" ") }
}

/// One longer word written otherwise from its second letter on; never one with digits, a capital or a hyphen.
fn mistyped<R: Rng>(random: &mut R, text: &str, slip: impl Fn(&mut R, &mut Vec<u8>, usize)) -> String {
    let words = Words::of(text);
    let can_be = |text: &str| text.len() > 4 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let long: Vec<_> = words.words.iter().filter(|word| can_be(word.text)).collect();
    let Some(word) = long.choose(random) else { return text.to_owned() };
    let mut letters = word.text.as_bytes().to_vec();
    let at = random.random_range(1..letters.len() - 1);
    slip(random, &mut letters, at);
    let written = String::from_utf8_lossy(&letters).into_owned();
    words.edited(&[(word.span.clone(), written)])
}

fn with_typo<R: Rng>(random: &mut R, letters: &mut Vec<u8>, at: usize) {
    match random.random_range(0..3) {
        0 => drop(letters.remove(at)),
        1 => letters.swap(at, at + 1),
        _ => letters.insert(at, letters[at]),
    }
}

fn beside(letter: u8) -> u8 {
    let row = ROWS.iter().map(|row| row.as_bytes()).find(|row| row.contains(&letter)).unwrap_or(b"");
    let place = row.iter().position(|&other| other == letter).unwrap_or(0);
    row.get(place + 1).or_else(|| row.get(place.wrapping_sub(1))).copied().unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn all(typing: Typing, wording: &str) -> BTreeSet<String> {
        (0..400).filter_map(|seed| typing.typed(&mut ChaCha8Rng::seed_from_u64(seed), wording)).collect()
    }

    #[test]
    fn each_way_does_what_it_says() {
        for (typing, wording, expected) in [
            (Typing::Typo, "Where is the station?", "Where is the sttaion?"),
            (Typing::NeighborKey, "Where is the station?", "Where is the ststion?"),
            (Typing::LowerCase, "Is Rome open?", "is rome open?"),
            (Typing::NoMarks, "Is Rome open?", "Is Rome open"),
            (Typing::Spelling, "Colour and center?", "Color and centre?"),
            (Typing::Greeting, "Where is Rome?", "Hello, where is Rome?"),
            (Typing::InSentences, "where is Rome", "I'm new here. where is Rome? Have a nice day!"),
            (Typing::Keywords, "How do I get to the station?", "How get to station"),
        ] {
            let made = all(typing, wording);
            assert!(made.contains(expected), "{typing}: {made:?}");
        }
        let made = all(Typing::Plural, "Can I bring a dog and my cats?");
        assert!(made.contains("Can I bring a dog and my cat?"), "{made:?}");
    }

    #[test]
    fn what_would_be_the_same_is_not_made() {
        assert!(all(Typing::LowerCase, "is it open?").is_empty());
        assert!(all(Typing::NoMarks, "is it open").is_empty());
        assert!(all(Typing::Spelling, "is it open").is_empty());
        assert!(all(Typing::Keywords, "Do I have to bring it without a bag?").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_can_be_typed(text in "\\PC{0,60}", seed in any::<u64>()) {
            for typing in Typing::ALL {
                let typed = typing.typed(&mut ChaCha8Rng::seed_from_u64(seed), &text);
                prop_assert_ne!(typed.as_deref(), Some(text.as_str()));
            }
        }
    }
}
