//! SentencePiece's normalisation: replacements of characters, spaces put before, joined and trimmed.

use std::ops::Range;

use super::SPACE_MARK;
use super::charsmap::Charsmap;
use crate::Gguf;
use crate::tokenizer::TokenizerError;
use crate::tokenizer::metadata::integers;

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

/// A text as pieces see it.
pub(super) struct Normalized {
    pub(super) text: String,
    /// For each byte of `text`: the bytes of the source that it comes from; none for a space that was put before.
    sources: Vec<Range<usize>>,
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
        let mut normalized = Normalized { text: String::new(), sources: Vec::new() };
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
                None => normalized.push_source(kept, source.start),
                Some(_) => kept.chars().for_each(|character| normalized.push(character, source.clone())),
            }
            if self.remove_extra_spaces && !kept.is_empty() {
                after_space = kept.ends_with(' ');
            }
        }
        if self.remove_extra_spaces {
            let kept = normalized.text.trim_end_matches(' ').len();
            normalized.text.truncate(kept);
            normalized.sources.truncate(kept);
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

impl Normalized {
    /// Appends a character that comes from `source` as a whole.
    fn push(&mut self, character: char, source: Range<usize>) {
        let character = if character == SPACE_MARK { ' ' } else { character };
        self.text.push(character);
        self.sources.resize(self.text.len(), source);
    }

    /// Appends a part of the source, from its byte `start` on, as it is.
    fn push_source(&mut self, part: &str, start: usize) {
        if part.starts_with(SPACE_MARK) {
            return self.push(' ', start..start + SPACE_MARK.len_utf8());
        }
        self.text.push_str(part);
        self.sources.extend((start..start + part.len()).map(|at| at..at + 1));
    }

    /// The bytes of the source that a range of the normalised text comes from.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        match &self.sources[range] {
            [] => 0..0,
            [only] => only.clone(),
            [first, .., last] => first.start..last.end,
        }
    }
}
