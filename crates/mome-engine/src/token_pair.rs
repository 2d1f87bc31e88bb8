//! What an encoder reads: one text, or two together.

/// The tokens of two texts that are read together, or of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPair<'a> {
    /// `[CLS] first [SEP] second [SEP]`
    pub tokens: &'a [u32],
    /// Where the second text begins: tokens before it have type 0, the others type 1. An encoder with one type of
    /// tokens reads all alike.
    pub second: usize,
}

impl<'a> TokenPair<'a> {
    /// One text, without a second.
    #[must_use]
    pub fn single(tokens: &'a [u32]) -> Self {
        Self { tokens, second: tokens.len() }
    }
}
