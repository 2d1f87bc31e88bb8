//! SentencePiece's normalisation: replacements of characters, spaces put before, joined and trimmed.

use std::ops::Range;

use super::SPACE_MARK;
use super::charsmap::Charsmap;
use crate::Gguf;
use crate::tokenizer::TokenizerError;
use crate::tokenizer::metadata::integers;
use crate::tokenizer::normalized::Normalized;

/// Where a part of a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tokenizer) enum Place {
    /// At the start, or behind a special token: a space goes before it where the model wants one.
    Start,
    /// Behind other text.
    Continuation,
}

/// What is done to a text before it is cut into pieces.
#[derive(Debug)]
pub(super) struct Normalizer {
    /// What is replaced by what.
    charsmap: Option<Charsmap>,
    /// Whether a text gets a space before it.
    pub(super) add_space_prefix: bool,
    /// Whether spaces at both ends are dropped, and several become one.
    remove_extra_spaces: bool,
}

impl Normalizer {
    pub(super) fn read(gguf: &Gguf) -> Result<Self, TokenizerError> {
        let flag = |key, default| Ok::<_, TokenizerError>(gguf.bool(key)?.unwrap_or(default));
        if flag("tokenizer.ggml.treat_whitespace_as_suffix", false)? {
            return Err(TokenizerError::Suffix);
        }
        let charsmap = integers(gguf, "tokenizer.ggml.precompiled_charsmap")?;
        Ok(Self {
            charsmap: charsmap
                .filter(|bytes| !bytes.is_empty())
                .map(|bytes| Charsmap::read(&bytes))
                .transpose()?,
            add_space_prefix: flag("tokenizer.ggml.add_space_prefix", true)?,
            remove_extra_spaces: flag("tokenizer.ggml.remove_extra_whitespaces", false)?,
        })
    }

    /// Normalises a part of `text`.
    pub(super) fn normalize(&self, text: &str, part: Range<usize>, place: Place) -> Normalized {
        let mut normalized = Normalized::default();
        let at_start = place == Place::Start;
        let mut trimming = at_start && self.remove_extra_spaces;
        let mut prefix = at_start && self.add_space_prefix;
        let mut after_space = trimming;
        let mut at = part.start;
        while at < part.end {
            let (length, replacement) = self.first(&text[at..part.end]);
            let source = at..at + length;
            let chunk = replacement.unwrap_or(&text[source.clone()]);
            at = source.end;
            trimming &= chunk == " ";
            if trimming {
                continue;
            }
            if std::mem::take(&mut prefix) {
                normalized.push(' ', source.start..source.start);
            }
            let kept = if after_space { chunk.trim_start_matches(' ') } else { chunk };
            match replacement {
                None => push_source(&mut normalized, kept, source.start),
                Some(_) => {
                    kept.chars().for_each(|character| normalized.push(unmarked(character), source.clone()));
                }
            }
            if self.remove_extra_spaces && !kept.is_empty() {
                after_space = kept.ends_with(' ');
            }
        }
        if self.remove_extra_spaces {
            let kept = normalized.text.trim_end_matches(' ').len();
            normalized.truncate(kept);
        }
        normalized
    }

    /// Length in bytes of what is normalised first, and what replaces it; nothing where it stays.
    fn first<'a>(&'a self, text: &str) -> (usize, Option<&'a str>) {
        match self.charsmap.as_ref().and_then(|charsmap| charsmap.longest_prefix(text.as_bytes())) {
            Some((length, replacement)) if text.is_char_boundary(length) => (length, Some(replacement)),
            _ => (text.chars().next().map_or(0, char::len_utf8), None),
        }
    }
}

/// Appends a part of the source, from its byte `start` on, as it is but for a mark of a space that it begins
/// with.
fn push_source(normalized: &mut Normalized, part: &str, start: usize) {
    match part.starts_with(SPACE_MARK) {
        true => normalized.push(' ', start..start + SPACE_MARK.len_utf8()),
        false => normalized.push_source(part, start),
    }
}

/// What stands for a space is one.
fn unmarked(character: char) -> char {
    if character == SPACE_MARK { ' ' } else { character }
}
