//! Tokens to text, one at a time.

use super::Tokenizer;

/// Turns tokens into text as they come, and never splits a character: bytes that begin one are kept until it is
/// complete. What it gives, joined, is what [`Tokenizer::decode`] gives for all tokens at once.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    tokenizer: &'a Tokenizer,
    /// Whether a space that the next token begins with was put there by the tokenizer: at a start, if the token is
    /// one that text was cut into.
    drops_space: bool,
    /// The beginning of a character.
    incomplete: Vec<u8>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer, drops_space: bool) -> Self {
        Self { tokenizer, drops_space, incomplete: Vec::new() }
    }

    /// The text that is complete with this token. Bytes that are not UTF-8 become U+FFFD, control tokens the text
    /// that names them; an id outside the vocabulary adds nothing.
    pub fn push(&mut self, id: u32) -> String {
        let Some(bytes) = self.tokenizer.bytes_of(id) else { return String::new() };
        let special = self.tokenizer.is_special(id);
        let dropped = self.drops_space && !special && bytes.starts_with(b" ");
        self.drops_space = special && self.tokenizer.adds_space();
        self.incomplete.extend(&bytes[usize::from(dropped)..]);
        self.take_complete()
    }

    /// What is left: U+FFFD where a character has begun, or nothing.
    #[must_use]
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.incomplete).into_owned()
    }

    fn take_complete(&mut self) -> String {
        let mut text = String::new();
        let mut kept = 0;
        let mut chunks = self.incomplete.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            // An error without a length: bytes could follow that make it a character.
            let begun = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if begun && chunks.peek().is_none() {
                kept = invalid.len();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.incomplete.drain(..self.incomplete.len() - kept);
        text
    }
}
