//! The same question as somebody else might type it.

use rand::seq::IndexedRandom as _;
use rand::{Rng, RngExt as _};

use super::tables::SPELLINGS;
use super::words::{FUNCTION_WORDS, Words, capitalised, in_case_of, normalised};

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

/// What people put after one.
const ENDINGS: [&str; 9] =
    ["?", " ?", "??", ".", " please", " pls", " thanks", ", thank you", "? Thanks in advance!"];

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

/// Contractions and what they stand for. Longer than the contraction: `'s` may be "is" or "has" and is left
/// alone but after words that ask.
const CONTRACTIONS: [(&str, &str); 26] = [
    ("what's", "what is"),
    ("where's", "where is"),
    ("who's", "who is"),
    ("how's", "how is"),
    ("when's", "when is"),
    ("i'm", "I am"),
    ("i've", "I have"),
    ("i'd", "I would"),
    ("i'll", "I will"),
    ("you're", "you are"),
    ("it's", "it is"),
    ("we're", "we are"),
    ("can't", "cannot"),
    ("don't", "do not"),
    ("doesn't", "does not"),
    ("didn't", "did not"),
    ("isn't", "is not"),
    ("aren't", "are not"),
    ("wasn't", "was not"),
    ("won't", "will not"),
    ("wouldn't", "would not"),
    ("couldn't", "could not"),
    ("shouldn't", "should not"),
    ("haven't", "have not"),
    ("hasn't", "has not"),
    ("weren't", "were not"),
];

const DIGITS: [(&str, &str); 11] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
];

/// Keys next to each other on a keyboard, row by row.
const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// A wording that asks the same: typed in other case, without marks, with a typo, with a greeting, in
/// keywords, with other spelling. One to three such changes; mostly, not always, another text than `wording`.
/// Empty only where `wording` is.
pub fn keeping(random: &mut impl Rng, wording: &str) -> String {
    let mut text = wording.to_owned();
    if random.random_bool(0.25) {
        text = contracted(&text);
    }
    if random.random_bool(0.3) {
        text = spelt_otherwise(&text);
    }
    if random.random_bool(0.3) {
        text = digits_or_words(&text);
    }
    if random.random_bool(0.15) {
        text = keywords(&text);
    }
    if random.random_bool(0.35) {
        text = mistyped(random, &text);
    }
    if random.random_bool(0.45) {
        text = text.to_lowercase();
    }
    if random.random_bool(0.4) {
        text.truncate(text.trim_end_matches(['.', '?', '!', ' ']).len());
    }
    if random.random_bool(0.25) {
        text = opened(OPENINGS.choose(random).unwrap_or(&""), &text);
    }
    if random.random_bool(0.25) {
        let bare = text.trim_end_matches(['.', '?', ' ']);
        text = format!("{bare}{}", ENDINGS.choose(random).unwrap_or(&""));
    }
    if random.random_bool(0.04) {
        text = text.to_uppercase();
    }
    if normalised(&text).is_empty() { wording.to_owned() } else { text }
}

/// With words before it: the first word loses its capital where it is no name.
fn opened(opening: &str, text: &str) -> String {
    let words = Words::of(text);
    let starts_small = words.words.first().is_some_and(|word| {
        let small = FUNCTION_WORDS.contains(&word.lower.as_str())
            || super::words::QUESTION_WORDS.contains(&word.lower.as_str());
        small && word.lower != "i" && word.span.start == 0
    });
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if starts_small => {
            format!("{}{}{}", capitalised(opening), first.to_lowercase(), letters.as_str())
        }
        _ => format!("{opening}{text}"),
    }
}

/// All contractions undone, or, where there is none, made.
fn contracted(text: &str) -> String {
    let words = Words::of(text);
    let mut edits = Vec::new();
    for word in &words.words {
        if let Some((_, long)) = CONTRACTIONS.iter().find(|(short, _)| *short == word.lower) {
            edits.push((word.span.clone(), in_case_of(word.text, long)));
        }
    }
    if edits.is_empty() {
        let mut at = 0;
        while at + 1 < words.len() {
            let two = format!("{} {}", words.lower(at), words.lower(at + 1));
            let found =
                CONTRACTIONS.iter().find(|(_, long)| long.to_lowercase() == two && words.gap(at) == " ");
            // "What is included" becomes "what's included", but "tell me what it is" stays: something must
            // follow.
            if let Some((short, _)) = found.filter(|_| !words.ends_phrase(at + 1) || words.gap(at + 1) == " ")
            {
                let span = words.words[at].span.start..words.words[at + 1].span.end;
                edits.push((span, in_case_of(words.words[at].text, short)));
                at += 1;
            }
            at += 1;
        }
    }
    words.edited(&edits)
}

/// British spelling for American and the other way round.
fn spelt_otherwise(text: &str) -> String {
    each_word(text, |lower| SPELLINGS.get(lower).copied())
}

/// Digits for number words, or, where there are none, words for digits.
fn digits_or_words(text: &str) -> String {
    let digits =
        each_word(text, |lower| DIGITS.iter().find(|(word, _)| *word == lower).map(|(_, digit)| *digit));
    if digits != text {
        return digits;
    }
    // "Model 3" and "May 3" keep their digits: only before a small word, as in "3 bags".
    let words = Words::of(text);
    let edits = (1..words.len())
        .filter(|&at| {
            let follows_small =
                !words.words[at - 1].text.starts_with(char::is_uppercase) && words.gap(at) == " ";
            let is_alone = words.gap(at - 1) == " ";
            let counts = words.words.get(at + 1).is_some_and(|next| {
                next.text.len() > 2 && next.text.starts_with(char::is_lowercase) && next.text.ends_with('s')
            });
            follows_small && is_alone && counts
        })
        .filter_map(|at| {
            let (word, _) = DIGITS.iter().find(|(_, digit)| *digit == words.lower(at))?;
            Some((words.words[at].span.clone(), (*word).to_owned()))
        })
        .collect::<Vec<_>>();
    words.edited(&edits)
}

fn each_word(text: &str, other: impl Fn(&str) -> Option<&'static str>) -> String {
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

/// One letter of a longer word missing, doubled, struck beside its key, or two that changed places; never the
/// first, never in a word with digits, a capital or a hyphen.
fn mistyped(random: &mut impl Rng, text: &str) -> String {
    let words = Words::of(text);
    let can_be = |text: &str| text.len() > 4 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let long: Vec<_> = words.words.iter().filter(|word| can_be(word.text)).collect();
    let Some(word) = long.choose(random) else { return text.to_owned() };
    let mut letters = word.text.as_bytes().to_vec();
    let at = random.random_range(1..letters.len() - 1);
    match random.random_range(0..4) {
        0 => drop(letters.remove(at)),
        1 => letters.swap(at, at + 1),
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = beside(letters[at]),
    }
    let written = String::from_utf8_lossy(&letters).into_owned();
    words.edited(&[(word.span.clone(), written)])
}

fn beside(letter: u8) -> u8 {
    let row = ROWS.iter().map(|row| row.as_bytes()).find(|row| row.contains(&letter)).unwrap_or(b"");
    let place = row.iter().position(|&other| other == letter).unwrap_or(0);
    row.get(place + 1).or_else(|| row.get(place.wrapping_sub(1))).copied().unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn all(wording: &str) -> BTreeSet<String> {
        (0..3000).map(|seed| keeping(&mut ChaCha8Rng::seed_from_u64(seed), wording)).collect()
    }

    #[test]
    fn each_way_of_typing_is_met() {
        let made = all("What's the colour of the three boxes?");
        for expected in [
            "what's the colour of the three boxes?",
            "What's the colour of the three boxes",
            "What is the colour of the three boxes?",
            "What's the color of the three boxes?",
            "What's the colour of the 3 boxes?",
            "hi, What's the colour of the three boxes?",
        ] {
            assert!(made.contains(expected), "{expected}");
        }
        assert!(all("Do you have a pool?").contains("Hello, do you have a pool?"));
    }

    #[test]
    fn parts_do_what_they_say() {
        assert_eq!(contracted("I do not know what is wrong"), "I don't know what's wrong");
        assert_eq!(spelt_otherwise("Colour and center"), "Color and centre");
        assert_eq!(digits_or_words("Can I bring 2 bags?"), "Can I bring two bags?");
        assert_eq!(digits_or_words("Is the Model 3 here?"), "Is the Model 3 here?");
        assert_eq!(keywords("How do I get to the station?"), "How get to station");
        assert_eq!(keywords("Do I have to bring it without a bag?"), "Do I have to bring it without a bag?");
    }
}
