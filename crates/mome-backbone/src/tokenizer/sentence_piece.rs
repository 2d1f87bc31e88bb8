//! SentencePiece vocabularies: pieces of normalised text, a space before each word being part of it.
//!
//! The method: Kudo and Richardson, *SentencePiece* (2018), <https://github.com/google/sentencepiece>. Text is
//! normalised (`normalizer`), then cut into pieces, either by merging neighbours or by the likeliest path
//! (`segmenter`), and what no piece covers is spelt in byte tokens or is the unknown token.
//!
//! SentencePiece writes a space as U+2581; here pieces and normalised text have plain spaces instead.

mod charsmap;
mod normalizer;
mod segmenter;

use std::ops::Range;

use super::merge::Part;
use super::metadata::special;
use super::vocabulary::{Spelling, TokenKind, Vocabulary};
use super::{Token, TokenizerError};
use crate::Gguf;
use normalizer::Normalizer;
pub(super) use normalizer::Place;
use segmenter::Segmenter;

/// What stands for a space in the file's tokens.
const SPACE_MARK: char = '\u{2581}';

/// How pieces are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Byte-pair encoding by score, `tokenizer.ggml.model` = `llama`.
    Bpe,
    /// A unigram language model, `t5`.
    Unigram,
}

/// How a text becomes tokens of a SentencePiece vocabulary.
#[derive(Debug)]
pub(super) struct SentencePiece {
    normalizer: Normalizer,
    segmenter: Segmenter,
    fallback: Fallback,
}

/// What stands for text that no piece covers.
#[derive(Debug)]
enum Fallback {
    /// A token for each byte.
    Bytes(Box<[u32; 256]>),
    /// One token for all of it.
    Unknown(u32),
}

impl SentencePiece {
    /// Reads the vocabulary, its scores and its normalisation.
    pub(super) fn read(gguf: &Gguf, method: Method) -> Result<(Vocabulary, Self), TokenizerError> {
        let vocabulary = Vocabulary::read(gguf, spell)?;
        let normalizer = Normalizer::read(gguf)?;
        let segmenter = Segmenter::read(gguf, method, &vocabulary)?;
        let fallback = Fallback::read(gguf, &vocabulary)?;
        Ok((vocabulary, Self { normalizer, segmenter, fallback }))
    }

    /// Whether decoded text begins with a space that the text did not have.
    pub(super) fn adds_space(&self) -> bool {
        self.normalizer.add_space_prefix
    }

    /// Appends the tokens of a part of `text`.
    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        part: Range<usize>,
        place: Place,
        encoded: &mut Vec<Token>,
    ) {
        let normalized = self.normalizer.normalize(text, part, place);
        // Where the unknown token stands for the end of the text so far.
        let mut unknown_to = None;
        for Part { range, id } in self.segmenter.segment(vocabulary, &normalized.text) {
            match (id, &self.fallback) {
                (Some(id), _) => encoded.push(Token { id, range: normalized.source(range) }),
                (None, Fallback::Bytes(bytes)) => {
                    let byte_token = |at: usize| {
                        let byte = normalized.text.as_bytes()[at];
                        Token { id: bytes[usize::from(byte)], range: normalized.source(at..at + 1) }
                    };
                    encoded.extend(range.map(byte_token));
                }
                (None, Fallback::Unknown(id)) => {
                    let source = normalized.source(range.clone());
                    match encoded.last_mut().filter(|_| unknown_to == Some(range.start)) {
                        Some(before) => before.range.end = source.end,
                        None => encoded.push(Token { id: *id, range: source }),
                    }
                    unknown_to = Some(range.end);
                }
            }
        }
    }
}

impl Fallback {
    fn read(gguf: &Gguf, vocabulary: &Vocabulary) -> Result<Self, TokenizerError> {
        let mut bytes = Box::new([None; 256]);
        for id in vocabulary.of_kinds(&[TokenKind::Byte]) {
            if let Some([byte]) = vocabulary.bytes_of(id) {
                bytes[usize::from(*byte)].get_or_insert(id);
            }
        }
        if bytes.iter().all(Option::is_some) {
            return Ok(Self::Bytes(Box::new(bytes.map(Option::unwrap_or_default))));
        }
        let named = special(gguf, "tokenizer.ggml.unknown_token_id", vocabulary.len())?;
        let unknown = named.or_else(|| vocabulary.of_kinds(&[TokenKind::Unknown]).next());
        unknown.map(Self::Unknown).ok_or(TokenizerError::Fallback)
    }
}

/// What the text of a token in the file stands for.
fn spell(index: usize, text: &str, kind: TokenKind) -> Result<Spelling, TokenizerError> {
    let spaced = || text.replace(SPACE_MARK, " ").into_bytes();
    Ok(match kind {
        TokenKind::Normal => Spelling::Text(spaced()),
        TokenKind::UserDefined => Spelling::Mark(spaced()),
        TokenKind::Unknown | TokenKind::Control | TokenKind::Unused => {
            Spelling::Mark(text.as_bytes().to_vec())
        }
        TokenKind::Byte => {
            let digits = text.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
            let digits = digits
                .filter(|digits| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => Spelling::Mark(vec![byte]),
                None => return Err(TokenizerError::ByteToken { index, text: text.to_owned() }),
            }
        }
    })
}
