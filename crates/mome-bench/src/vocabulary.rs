//! A byte-level BPE vocabulary of any size: all bytes, then numbers, then the end.
//!
//! No two tokens ever merge, so that a text of letters has one token a letter: some runtimes take a prompt as text
//! only.

use std::ops::Range;

/// The tokens that are a byte past ASCII: alone they are no text, and a runtime may refuse to give them out.
pub const NOT_TEXT: Range<usize> = 0x80..0x100;

/// The text of each of `size` tokens, in GPT-2's alphabet. The last is the control token that ends a text.
pub fn tokens(size: usize) -> Vec<String> {
    let bytes = alphabet().map(String::from);
    let numbers = (0..).map(|number| number.to_string()).filter(|number| number.len() > 1);
    let mut tokens: Vec<String> = bytes.chain(numbers).take(size.saturating_sub(1)).collect();
    tokens.push("<|endoftext|>".to_owned());
    tokens
}

/// `tokenizer.ggml.token_type` of `size` tokens: 1 for ordinary ones, 3 for the control token.
pub fn types(size: usize) -> Vec<i64> {
    let mut types = vec![1; size];
    if let Some(end) = types.last_mut() {
        *end = 3;
    }
    types
}

/// The character of each byte: printable ones of Latin-1 stand for themselves, the others for U+0100 and on.
fn alphabet() -> impl Iterator<Item = char> {
    let mut others = '\u{100}'..;
    (0..=u8::MAX).map(move |byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
        _ => others.next().unwrap_or_default(),
    })
}
