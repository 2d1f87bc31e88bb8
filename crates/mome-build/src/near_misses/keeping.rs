//! The same question as somebody else might type it, in several ways at once.

use rand::seq::IndexedRandom as _;
use rand::{Rng, RngExt as _};

use super::typing::{Typing, each_word, opened};
use super::words::{Words, in_case_of, normalized};

/// What people put after one.
const ENDINGS: [&str; 9] =
    ["?", " ?", "??", ".", " please", " pls", " thanks", ", thank you", "? Thanks in advance!"];

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

/// A wording that asks the same: typed in other case, without marks, with a typo, with a greeting, in
/// keywords, with other spelling. One to three such changes; mostly, not always, another text than `wording`.
/// Empty only where `wording` is.
pub fn keeping(random: &mut impl Rng, wording: &str) -> String {
    let mut text = wording.to_owned();
    if random.random_bool(0.25) {
        text = contracted(&text);
    }
    if random.random_bool(0.3) {
        text = otherwise(random, text, Typing::Spelling);
    }
    if random.random_bool(0.3) {
        text = digits_or_words(&text);
    }
    if random.random_bool(0.15) {
        text = otherwise(random, text, Typing::Keywords);
    }
    if random.random_bool(0.35) {
        let slip = if random.random_bool(0.75) { Typing::Typo } else { Typing::NeighborKey };
        text = otherwise(random, text, slip);
    }
    if random.random_bool(0.45) {
        text = text.to_lowercase();
    }
    if random.random_bool(0.4) {
        text = otherwise(random, text, Typing::NoMarks);
    }
    if random.random_bool(0.25) {
        text = opened(random, &text);
    }
    if random.random_bool(0.25) {
        let bare = text.trim_end_matches(['.', '?', ' ']);
        text = format!("{bare}{}", ENDINGS.choose(random).unwrap_or(&""));
    }
    if random.random_bool(0.04) {
        text = text.to_uppercase();
    }
    if normalized(&text).is_empty() { wording.to_owned() } else { text }
}

fn otherwise(random: &mut impl Rng, text: String, typing: Typing) -> String {
    typing.typed(random, &text).unwrap_or(text)
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
        assert_eq!(digits_or_words("Can I bring 2 bags?"), "Can I bring two bags?");
        assert_eq!(digits_or_words("Is the Model 3 here?"), "Is the Model 3 here?");
    }
}
