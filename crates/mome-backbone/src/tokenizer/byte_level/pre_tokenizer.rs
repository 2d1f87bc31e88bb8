//! Pre-tokenisation: cuts text into words that no token crosses.
//!
//! The rules are regular expressions, written out by hand: a regular-expression engine with Unicode tables would
//! be a large part of the page's download.

mod class;
mod gpt2;
mod llama3;

use std::ops::Range;

use crate::tokenizer::TokenizerError;
use class::{Class, run};

/// A way of cutting text into words, `tokenizer.ggml.pre`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PreTokenizer {
    Gpt2,
    Llama3,
    Qwen2,
    SmolLm,
}

impl PreTokenizer {
    pub(super) fn of(name: &str) -> Result<Self, TokenizerError> {
        Ok(match name {
            "gpt-2" | "default" => Self::Gpt2,
            "llama-bpe" | "llama3" | "llama-v3" => Self::Llama3,
            "qwen2" => Self::Qwen2,
            "smollm" => Self::SmolLm,
            other => return Err(TokenizerError::PreTokenisation(other.to_owned())),
        })
    }

    /// The words of a text, as ranges of its bytes. Together they are the whole text.
    pub(super) fn words(self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let (mut at, mut segment_end) = (0, 0);
        std::iter::from_fn(move || {
            if at == segment_end {
                segment_end += self.segment(&text[at..]);
            }
            let start = at;
            at += self.first_word(&text[start..segment_end])?;
            Some(start..at)
        })
    }

    /// Length in bytes of the part of a text that is cut by itself.
    ///
    /// SmolLM cuts around every `\p{N}` first, and what lies between by the rule of GPT-2.
    fn segment(self, text: &str) -> usize {
        match self {
            Self::SmolLm => match text.chars().next() {
                Some(digit) if Class::of(digit) == Class::Number => digit.len_utf8(),
                _ => text.find(|character| Class::of(character) == Class::Number).unwrap_or(text.len()),
            },
            Self::Gpt2 | Self::Llama3 | Self::Qwen2 => text.len(),
        }
    }

    /// Length of the first word in bytes; `None` where the text is empty.
    fn first_word(self, text: &str) -> Option<usize> {
        match self {
            Self::Gpt2 | Self::SmolLm => gpt2::first_word(text),
            Self::Llama3 => llama3::first_word(text, 3),
            Self::Qwen2 => llama3::first_word(text, 1),
        }
    }
}

/// Length in bytes of the spaces that a text begins with, by the rule `\s+(?!\S)|\s+`: the last space before a
/// word is left to that word, unless it is the only one. `None` where there are none.
fn spaces(text: &str) -> Option<usize> {
    let spaces = run(text, Class::Space);
    let last = text[..spaces].chars().next_back()?;
    let spare = if spaces < text.len() && spaces > last.len_utf8() { last.len_utf8() } else { 0 };
    Some(spaces - spare)
}

#[cfg(test)]
mod tests {
    use super::PreTokenizer;

    /// Texts of all Unicode categories and mixtures of what the rules treat apart, cut by Hugging Face's
    /// pre-tokenisers.
    #[test]
    fn words_equal_the_oracle() {
        let oracles = [
            (PreTokenizer::Gpt2, include_str!("../../../tests/data/words.json")),
            (PreTokenizer::Llama3, include_str!("../../../tests/data/words-llama-bpe.json")),
            (PreTokenizer::Qwen2, include_str!("../../../tests/data/words-qwen2.json")),
            (PreTokenizer::SmolLm, include_str!("../../../tests/data/words-smollm.json")),
        ];
        for (pre_tokenizer, oracle) in oracles {
            let cases: Vec<Vec<String>> = serde_json::from_str(oracle).unwrap();
            assert!(cases.len() >= 400);
            for case in cases {
                let text = case.concat();
                let cut: Vec<&str> = pre_tokenizer.words(&text).map(|word| &text[word]).collect();
                assert_eq!(cut, case, "{pre_tokenizer:?} {text:?}");
            }
        }
    }
}
