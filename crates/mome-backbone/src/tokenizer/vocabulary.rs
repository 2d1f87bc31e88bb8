//! The tokens themselves: the bytes and the kind of each, and which one spells given bytes.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::{MAX_TOKEN, MAX_VOCABULARY};
use super::metadata::{check_length, integers, missing};
use super::{PrefixIndex, TokenizerError};
use crate::Gguf;

/// `tokenizer.ggml.token_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Normal,
    /// Stands for what no other token spells.
    Unknown,
    /// Steers the model (`<|im_end|>`); never spelt by plain text.
    Control,
    /// Added to the vocabulary by hand; matched whole before anything else.
    UserDefined,
    /// A place that no text uses.
    Unused,
    /// One byte, `<0xXX>`.
    Byte,
}

impl TokenKind {
    fn of(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

/// What a token's text in the file stands for.
pub(super) enum Spelling {
    /// These bytes; text that has them may become this token.
    Text(Vec<u8>),
    /// These bytes; text never becomes this token by way of its bytes.
    Mark(Vec<u8>),
}

/// All tokens, by id.
#[derive(Debug)]
pub(super) struct Vocabulary {
    tokens: Vec<Arc<[u8]>>,
    kinds: Vec<TokenKind>,
    /// The first token of those bytes, among those that text may become.
    ids: HashMap<Arc<[u8]>, u32>,
}

impl Vocabulary {
    /// Reads `tokenizer.ggml.tokens` and `tokenizer.ggml.token_type`; `spell` says what a text in the file, at an
    /// index and of a kind, stands for.
    pub(super) fn read(
        gguf: &Gguf,
        spell: impl Fn(usize, &str, TokenKind) -> Result<Spelling, TokenizerError>,
    ) -> Result<Self, TokenizerError> {
        let texts = gguf.strings("tokenizer.ggml.tokens")?.ok_or_else(|| missing("tokenizer.ggml.tokens"))?;
        if !(1..=MAX_VOCABULARY).contains(&texts.len()) {
            return Err(TokenizerError::Size(texts.len()));
        }
        let kinds = read_kinds(gguf, texts.len())?;
        let mut tokens = Vec::with_capacity(texts.len());
        let mut ids = HashMap::with_capacity(texts.len());
        for (index, (text, kind)) in texts.iter().zip(&kinds).enumerate() {
            if text.len() > MAX_TOKEN {
                return Err(TokenizerError::TokenLength { index, bytes: text.len() });
            }
            tokens.push(match spell(index, text, *kind)? {
                Spelling::Mark(bytes) => bytes.into(),
                Spelling::Text(bytes) => {
                    let bytes: Arc<[u8]> = bytes.into();
                    ids.entry(bytes.clone()).or_insert(index as u32);
                    bytes
                }
            });
        }
        Ok(Self { tokens, kinds, ids })
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The bytes that a token stands for.
    pub(super) fn bytes_of(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id as usize).map(|bytes| &**bytes)
    }

    pub(super) fn kind_of(&self, id: u32) -> Option<TokenKind> {
        self.kinds.get(id as usize).copied()
    }

    /// The token that text of these bytes becomes, as far as the bytes alone decide.
    pub(super) fn id_of(&self, bytes: &[u8]) -> Option<u32> {
        self.ids.get(bytes).copied()
    }

    /// The token that a file writes so, whatever its kind: `[CLS]`, also where a mark says that it begins a
    /// word.
    pub(super) fn named(&self, name: &str) -> Option<u32> {
        let is_name = |bytes: &[u8]| bytes.strip_prefix(b" ").unwrap_or(bytes) == name.as_bytes();
        self.iter().position(is_name).map(|id| id as u32)
    }

    /// The bytes of every token, in the order of their ids.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.tokens.iter().map(|bytes| &**bytes)
    }

    /// The ids of the tokens of those kinds.
    pub(super) fn of_kinds(&self, wanted: &[TokenKind]) -> impl Iterator<Item = u32> {
        let of_kind = |(id, kind)| wanted.contains(kind).then_some(id);
        (0u32..).zip(&self.kinds).filter_map(of_kind)
    }

    /// An index of the tokens that text may become by way of its bytes.
    pub(super) fn text_index(&self) -> PrefixIndex {
        PrefixIndex::new(self, self.ids.values().copied())
    }
}

/// The kinds of all tokens; a file without them has normal tokens only.
fn read_kinds(gguf: &Gguf, tokens: usize) -> Result<Vec<TokenKind>, TokenizerError> {
    let key = "tokenizer.ggml.token_type";
    let Some(numbers) = integers(gguf, key)? else { return Ok(vec![TokenKind::Normal; tokens]) };
    check_length(key, numbers.len(), tokens)?;
    let read = |(index, kind): (usize, &i64)| {
        TokenKind::of(*kind).ok_or(TokenizerError::Kind { index, kind: *kind })
    };
    numbers.iter().enumerate().map(read).collect()
}
