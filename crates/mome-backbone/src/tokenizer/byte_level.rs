//! Byte-level byte-pair encoding, as GPT-2 introduced it.
//!
//! Text is cut into words (`pre_tokenizer`), a word's bytes are merged pair by pair in the order of the merges
//! (`merges`), and vocabularies write bytes as printable characters (`alphabet`).

mod alphabet;
mod merges;
mod pre_tokenizer;

use std::cmp::Reverse;
use std::ops::Range;

use super::merge::{Part, merge};
use super::metadata::{missing, special};
use super::vocabulary::{Spelling, TokenKind, Vocabulary};
use super::{Token, TokenizerError};
use crate::Gguf;
use alphabet::Alphabet;
use merges::Merges;
use pre_tokenizer::PreTokenizer;

/// How a text becomes tokens of a byte-level vocabulary.
#[derive(Debug)]
pub(super) struct ByteLevel {
    pre_tokenizer: PreTokenizer,
    /// The token of each single byte.
    bytes: Box<[u32; 256]>,
    merges: Merges,
}

impl ByteLevel {
    /// Reads the vocabulary and its merges.
    pub(super) fn read(gguf: &Gguf) -> Result<(Vocabulary, Self), TokenizerError> {
        let pre_tokenizer = PreTokenizer::of(gguf.string("tokenizer.ggml.pre")?.unwrap_or("default"))?;
        let alphabet = Alphabet::new();
        let vocabulary = Vocabulary::read(gguf, |_, text, kind| Ok(spell(&alphabet, text, kind)))?;
        let bytes =
            byte_tokens(&vocabulary, special(gguf, "tokenizer.ggml.unknown_token_id", vocabulary.len())?)?;
        let list = gguf.strings("tokenizer.ggml.merges")?.ok_or_else(|| missing("tokenizer.ggml.merges"))?;
        let merges = Merges::read(list, &alphabet, &vocabulary)?;
        Ok((vocabulary, Self { pre_tokenizer, bytes, merges }))
    }

    /// Whether a text begins with the begin token where the file does not say.
    pub(super) fn begins(&self) -> bool {
        self.pre_tokenizer == PreTokenizer::Llama3
    }

    /// Appends the tokens of a part of `text`.
    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        part: Range<usize>,
        encoded: &mut Vec<Token>,
    ) {
        for word in self.pre_tokenizer.words(&text[part.clone()]) {
            let range = part.start + word.start..part.start + word.end;
            let word = &text.as_bytes()[range.clone()];
            // Llama 3's vocabulary has words that no merges lead to.
            let whole = vocabulary.id_of(word).filter(|_| self.pre_tokenizer == PreTokenizer::Llama3);
            if let Some(id) = whole {
                encoded.push(Token { id, range });
                continue;
            }
            let bytes = range
                .clone()
                .zip(word)
                .map(|(at, byte)| Part { range: at..at + 1, id: Some(self.bytes[usize::from(*byte)]) });
            let join = |left: &Part, right: &Part| {
                let (rank, id) = self.merges.get(left.id?, right.id?)?;
                Some((Reverse(rank), id))
            };
            let tokens = merge(bytes, join).filter_map(|Part { range, id }| Some(Token { id: id?, range }));
            encoded.extend(tokens);
        }
    }
}

/// Control tokens, and tokens with characters outside the alphabet, stand for their own text.
fn spell(alphabet: &Alphabet, text: &str, kind: TokenKind) -> Spelling {
    let own = || Spelling::Mark(text.as_bytes().to_vec());
    match (kind, alphabet.bytes_of(text)) {
        (TokenKind::Control, _) | (_, None) => own(),
        (TokenKind::UserDefined, Some(bytes)) if bytes != text.as_bytes() => own(),
        (_, Some(bytes)) => Spelling::Text(bytes),
    }
}

/// The token of each byte. A byte that is part of no UTF-8 text needs none, others may be left to the unknown
/// token.
fn byte_tokens(vocabulary: &Vocabulary, unknown: Option<u32>) -> Result<Box<[u32; 256]>, TokenizerError> {
    let mut bytes = Box::new([0; 256]);
    for (byte, id) in (0..=u8::MAX).zip(bytes.iter_mut()) {
        let in_no_text = matches!(byte, 0xC0 | 0xC1 | 0xF5..=0xFF);
        let fallback = unknown.or(in_no_text.then_some(0));
        *id = vocabulary.id_of(&[byte]).or(fallback).ok_or(TokenizerError::Byte(byte))?;
    }
    Ok(bytes)
}
