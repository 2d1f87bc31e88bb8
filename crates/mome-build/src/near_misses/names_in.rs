//! The names that stand in a wording.

use std::ops::Range;

use super::sister_terms::has_capital_always;
use super::words::{QUESTION_WORDS, Words};

/// What is written with a capital and names nothing.
const NO_NAMES: [&str; 14] =
    ["may", "march", "i", "i'm", "i've", "i'd", "i'll", "ok", "am", "pm", "hi", "hello", "thanks", "faq"];

/// Small words within a name.
pub(super) const JOINING: [&str; 9] = ["of", "the", "de", "la", "von", "van", "du", "del", "da"];

/// A name within a wording: what stands before it, which tells its kind, and its text.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) after: String,
    pub(super) text: String,
    /// Which of its words it is.
    pub(super) place: Range<usize>,
}

impl Name {
    /// The words that it is.
    pub(super) fn range(&self) -> Range<usize> {
        self.place.clone()
    }
}

/// The names of a wording: words with a capital next to each other. None where all of it is written so.
pub(super) fn names_in(words: &Words<'_>) -> Vec<Name> {
    let small = (0..words.len()).filter(|&at| !words.has_capital(at)).count();
    if words.len() > 1 && small == 0 {
        return Vec::new();
    }
    let is_part = |at: usize| {
        let word = words.lower(at);
        let is_word = NO_NAMES.contains(&word) || QUESTION_WORDS.contains(&word) || has_capital_always(word);
        words.is_name(at) && !is_word
    };
    let mut names = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if !is_part(at) {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        loop {
            let mut next = end;
            while next < words.len() && next < end + 2 && JOINING.contains(&words.lower(next)) {
                next += 1;
            }
            if next >= words.len() || !(end - 1..next).all(|at| words.gap(at) == " ") || !is_part(next) {
                break;
            }
            end = next + 1;
        }
        // "'s" belongs to the sentence, not to the name.
        let span = words.words[at].span.start..words.words[end - 1].span.end;
        let text = words.text[span].trim_end_matches("'s").trim_end_matches("’s").to_owned();
        names.push(Name { after: words.before(at).to_owned(), text, place: at..end });
        at = end;
    }
    names
}
