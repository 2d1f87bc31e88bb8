//! GPT-2's way of writing bytes as characters, so that a vocabulary of bytes is readable text.

use std::collections::HashMap;

/// Which byte each character stands for. Printable characters of Latin-1 stand for themselves, those from U+0100
/// on for the other bytes, in order.
pub(super) struct Alphabet(HashMap<char, u8>);

impl Alphabet {
    pub(super) fn new() -> Self {
        let mut others = '\u{100}'..;
        let character_of = |byte| match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
            _ => others.next().unwrap_or_default(),
        };
        Self((0..=u8::MAX).map(character_of).zip(0..=u8::MAX).collect())
    }

    /// The bytes that a token's text stands for; `None` where a character stands for no byte.
    pub(super) fn bytes_of(&self, text: &str) -> Option<Vec<u8>> {
        text.chars().map(|character| self.0.get(&character).copied()).collect()
    }
}
