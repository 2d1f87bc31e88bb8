//! Text as a vocabulary's tokens spell it.

use std::ops::Range;

/// A normalised text that remembers where it comes from.
#[derive(Default)]
pub(super) struct Normalized {
    pub(super) text: String,
    /// For each byte of `text`: the bytes of the source that it comes from; none for a space that was put
    /// before.
    sources: Vec<Range<usize>>,
}

impl Normalized {
    /// Appends a character that comes from `source` as a whole.
    pub(super) fn push(&mut self, character: char, source: Range<usize>) {
        self.text.push(character);
        self.sources.resize(self.text.len(), source);
    }

    /// Appends a part of the source, from its byte `start` on, as it is.
    pub(super) fn push_source(&mut self, part: &str, start: usize) {
        self.text.push_str(part);
        self.sources.extend((start..start + part.len()).map(|at| at..at + 1));
    }

    /// Drops what lies behind the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
        self.sources.truncate(length);
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
