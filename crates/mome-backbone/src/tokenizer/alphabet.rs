//! GPT-2's way of writing bytes as characters, so that a vocabulary of bytes is readable text.

use std::collections::HashMap;

/// Which character stands for which byte. Printable characters of Latin-1 stand for themselves, the other bytes
/// for the characters from U+0100 on, in order.
pub(super) struct Alphabet {
    characters: [char; 256],
    bytes: HashMap<char, u8>,
}

impl Alphabet {
    pub(super) fn new() -> Self {
        let mut others = '\u{100}'..;
        let characters = std::array::from_fn(|byte| match byte as u8 {
            byte @ (b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) => char::from(byte),
            _ => others.next().unwrap_or_default(),
        });
        let bytes = (0..=u8::MAX).map(|byte| (characters[usize::from(byte)], byte)).collect();
        Self { characters, bytes }
    }

    pub(super) fn character_of(&self, byte: u8) -> char {
        self.characters[usize::from(byte)]
    }

    /// The bytes that a token's text stands for; `None` where a character stands for no byte.
    pub(super) fn bytes_of(&self, text: &str) -> Option<Box<[u8]>> {
        text.chars().map(|character| self.bytes.get(&character).copied()).collect()
    }
}
