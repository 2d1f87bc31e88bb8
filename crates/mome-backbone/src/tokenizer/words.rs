//! GPT-2's pre-tokenisation: cuts text into words that no token crosses.
//!
//! The rule is the regular expression
//! `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
//! of <https://github.com/openai/gpt-2/blob/master/src/encoder.py>, written out by hand: a regular-expression
//! engine with Unicode tables would be a large part of the page's download.

use std::ops::Range;

use unicode_general_category::{GeneralCategory, get_general_category};

const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// The words of a text, as ranges of its bytes. Together they are the whole text.
pub(super) fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        at += first_word(&text[start..])?;
        Some(start..at)
    })
}

/// Length of the first word in bytes; `None` where the text is empty.
fn first_word(text: &str) -> Option<usize> {
    if let Some(contraction) = CONTRACTIONS.iter().find(|contraction| text.starts_with(**contraction)) {
        return Some(contraction.len());
    }
    let after_space = text.strip_prefix(' ').unwrap_or(text);
    let class = after_space.chars().next().map(Class::of);
    if let Some(class) = class.filter(|class| *class != Class::Space) {
        return Some(text.len() - after_space.len() + run(after_space, class));
    }
    let spaces = run(text, Class::Space);
    let last = text[..spaces].chars().next_back()?;
    // The last space before a word belongs to that word, unless it is the only one.
    let spare = if spaces < text.len() && spaces > last.len_utf8() { last.len_utf8() } else { 0 };
    Some(spaces - spare)
}

/// Length in bytes of the characters of one class that a text begins with.
fn run(text: &str, class: Class) -> usize {
    text.find(|character| Class::of(character) != class).unwrap_or(text.len())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `\p{L}`
    Letter,
    /// `\p{N}`
    Number,
    /// `\s`
    Space,
    /// Everything else.
    Other,
}

impl Class {
    fn of(character: char) -> Self {
        use GeneralCategory as Is;
        if character.is_whitespace() {
            return Self::Space;
        }
        match get_general_category(character) {
            Is::UppercaseLetter
            | Is::LowercaseLetter
            | Is::TitlecaseLetter
            | Is::ModifierLetter
            | Is::OtherLetter => Self::Letter,
            Is::DecimalNumber | Is::LetterNumber | Is::OtherNumber => Self::Number,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    /// Texts of all Unicode categories, cut by Hugging Face's `ByteLevel` pre-tokeniser.
    #[test]
    fn words_equal_the_oracle() {
        let cases: Vec<Vec<String>> =
            serde_json::from_str(include_str!("../../tests/data/words.json")).unwrap();
        assert_eq!(cases.len(), 400);
        for case in cases {
            let text = case.concat();
            let cut: Vec<&str> = words(&text).map(|word| &text[word]).collect();
            assert_eq!(cut, case, "{text:?}");
        }
    }
}
