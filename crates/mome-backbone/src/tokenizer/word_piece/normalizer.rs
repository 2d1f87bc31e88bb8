//! BERT's normalisation, and its way of cutting text into words.

use std::ops::Range;

use unicode_general_category::{GeneralCategory as Is, get_general_category};
use unicode_normalization::char::decompose_canonical;

use crate::Gguf;
use crate::tokenizer::TokenizerError;
use crate::tokenizer::normalized::Normalized;

/// What is done to a text before its words are cut into pieces. Control characters are always dropped, and
/// Chinese characters and punctuation marks are words of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normalizer {
    /// Whether letters become small.
    lower_case: bool,
    /// Whether characters are decomposed and their marks dropped.
    strip_accents: bool,
}

impl Normalizer {
    /// Reads what the file says; of a file that says nothing the letters are lower-cased, and accents are
    /// dropped where they are.
    pub(super) fn read(gguf: &Gguf) -> Result<Self, TokenizerError> {
        let lower_case = gguf.bool("tokenizer.ggml.normalizer.lowercase")?.unwrap_or(true);
        let strip_accents = gguf.bool("tokenizer.ggml.normalizer.strip_accents")?.unwrap_or(lower_case);
        Ok(Self { lower_case, strip_accents })
    }

    /// The words of a part of `text`, each with a space before it and none elsewhere.
    ///
    /// Decomposed marks keep the order that the text has them in. Canonical order would move marks, and
    /// nearly all that it moves are dropped.
    pub(super) fn normalize(self, text: &str, part: Range<usize>) -> Normalized {
        let mut words = Words::default();
        for (at, character) in text[part.clone()].char_indices() {
            let start = part.start + at;
            let source = start..start + character.len_utf8();
            if is_dropped(character) {
                continue;
            }
            if is_chinese(character) {
                words.end();
            }
            self.each(character, |character| words.push(character, source.clone()));
            if is_chinese(character) {
                words.end();
            }
        }
        words.normalized
    }

    /// The characters that one becomes.
    fn each(self, character: char, mut emit: impl FnMut(char)) {
        let mut cased = |character: char| match self.lower_case {
            true => character.to_lowercase().for_each(&mut emit),
            false => emit(character),
        };
        if !self.strip_accents {
            return cased(character);
        }
        decompose_canonical(character, |part| {
            if get_general_category(part) != Is::NonspacingMark {
                cased(part);
            }
        });
    }
}

/// Words in the making.
#[derive(Default)]
struct Words {
    normalized: Normalized,
    /// Whether the next character belongs to the last word.
    within: bool,
}

impl Words {
    fn push(&mut self, character: char, source: Range<usize>) {
        if character.is_whitespace() {
            return self.end();
        }
        let alone = is_punctuation(character);
        if alone || !self.within {
            self.normalized.push(' ', source.start..source.start);
        }
        self.normalized.push(character, source);
        self.within = !alone;
    }

    fn end(&mut self) {
        self.within = false;
    }
}

/// Control and format characters, those for private use, and U+FFFD; but a tab, and what ends a line, is
/// space.
fn is_dropped(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        char::REPLACEMENT_CHARACTER => true,
        _ => matches!(get_general_category(character), Is::Control | Is::Format | Is::PrivateUse),
    }
}

/// Punctuation marks, and every ASCII character that is neither letter, digit, space nor control character.
fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation()
        || matches!(
            get_general_category(character),
            Is::ConnectorPunctuation
                | Is::DashPunctuation
                | Is::OpenPunctuation
                | Is::ClosePunctuation
                | Is::InitialPunctuation
                | Is::FinalPunctuation
                | Is::OtherPunctuation
        )
}

/// Chinese characters: the CJK blocks that BERT knows. The last extension begins where Hugging Face's
/// tokenizers have it, which models are trained with, not at its block's U+2B820.
fn is_chinese(character: char) -> bool {
    matches!(
        character,
        '\u{4E00}'..='\u{9FFF}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{20000}'..='\u{2A6DF}'
            | '\u{2A700}'..='\u{2B81F}'
            | '\u{2B920}'..='\u{2CEAF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{2F800}'..='\u{2FA1F}'
    )
}
