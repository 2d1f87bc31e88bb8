//! Byte-level byte-pair encoding, as GPT-2 introduced it.
//!
//! Text is cut into words (`words`), a word's bytes are merged pair by pair in the order of the merges
//! (`merges`), and vocabularies write bytes as printable characters (`alphabet`).

mod alphabet;
mod merges;
mod words;

use std::collections::HashMap;
use std::ops::Range;

use thiserror::Error;

use crate::{Gguf, GgufError};
use alphabet::Alphabet;
use merges::Merges;

/// The model and pre-tokenisation that can be used.
const MODEL: &str = "gpt2";
const PRE_TOKENISATION: &str = "gpt-2";
/// The most tokens that a vocabulary may have.
const MAX_VOCABULARY: usize = 1 << 22;
/// `tokenizer.ggml.token_type` of tokens that are never spelt by text.
const CONTROL: i64 = 3;

/// Why a tokenizer cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum TokenizerError {
    /// Metadata that are missing or of the wrong type.
    #[error(transparent)]
    Metadata(#[from] GgufError),
    /// A kind of tokenizer that is not supported.
    #[error("tokenizer model {0} is not supported; supported is {MODEL}")]
    Model(String),
    /// A way of cutting text into words that is not supported.
    #[error("pre-tokenisation {0} is not supported; supported is {PRE_TOKENISATION}")]
    PreTokenisation(String),
    /// A vocabulary that is empty or absurdly large.
    #[error("a vocabulary of {0} tokens cannot be used (1 to {MAX_VOCABULARY} can)")]
    Size(usize),
    /// A list with another length than the vocabulary.
    #[error("tokenizer.ggml.token_type has {types} entries for {tokens} tokens")]
    Types {
        /// Entries in the list.
        types: usize,
        /// Tokens in the vocabulary.
        tokens: usize,
    },
    /// A merge that does not name two tokens, or whose result is not a token.
    #[error("tokenizer.ggml.merges, entry {index}: `{merge}` does not join two tokens to a third")]
    Merge {
        /// Its place in the list, from 0.
        index: usize,
        /// The merge.
        merge: String,
    },
    /// A byte that no token stands for.
    #[error("no token stands for the byte {0:#04x}")]
    Byte(u8),
    /// A special token that is not in the vocabulary.
    #[error("metadata {key} is {id}, which is not a token")]
    Special {
        /// The metadata key.
        key: &'static str,
        /// The id that it gives.
        id: u64,
    },
}

/// A token and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its place in the vocabulary.
    pub id: u32,
    /// The bytes of the text that it stands for.
    pub range: Range<usize>,
}

/// A byte-level BPE vocabulary with its merges.
#[derive(Debug)]
pub struct Tokenizer {
    /// The bytes of each token.
    tokens: Vec<Box<[u8]>>,
    /// The token of each single byte.
    bytes: Box<[u32; 256]>,
    merges: Merges,
    begin: Option<u32>,
    end: u32,
}

impl Tokenizer {
    /// Reads the tokenizer of a GGUF file.
    pub(crate) fn read(gguf: &Gguf) -> Result<Self, TokenizerError> {
        let model = gguf.string("tokenizer.ggml.model")?.ok_or_else(|| missing("tokenizer.ggml.model"))?;
        if model != MODEL {
            return Err(TokenizerError::Model(model.to_owned()));
        }
        let pre = gguf.string("tokenizer.ggml.pre")?.unwrap_or("default");
        if pre != PRE_TOKENISATION {
            return Err(TokenizerError::PreTokenisation(pre.to_owned()));
        }
        let texts = gguf.strings("tokenizer.ggml.tokens")?.ok_or_else(|| missing("tokenizer.ggml.tokens"))?;
        if !(1..=MAX_VOCABULARY).contains(&texts.len()) {
            return Err(TokenizerError::Size(texts.len()));
        }
        let types = gguf.integers("tokenizer.ggml.token_type")?;
        if let Some(types) = types.filter(|types| types.len() != texts.len()) {
            return Err(TokenizerError::Types { types: types.len(), tokens: texts.len() });
        }
        let is_control = |id: usize| types.and_then(|types| types.get(id)) == Some(&CONTROL);

        let alphabet = Alphabet::new();
        let mut tokens = Vec::with_capacity(texts.len());
        let mut ids = HashMap::with_capacity(texts.len());
        for (id, text) in texts.iter().enumerate() {
            match alphabet.bytes_of(text).filter(|_| !is_control(id)) {
                Some(bytes) => {
                    ids.entry(text.as_str()).or_insert(id as u32);
                    tokens.push(bytes);
                }
                None => tokens.push(text.as_bytes().into()),
            }
        }
        let mut bytes = Box::new([0; 256]);
        for (byte, id) in (0..=u8::MAX).zip(bytes.iter_mut()) {
            let text = alphabet.character_of(byte).to_string();
            *id = *ids.get(text.as_str()).ok_or(TokenizerError::Byte(byte))?;
        }
        let merges =
            gguf.strings("tokenizer.ggml.merges")?.ok_or_else(|| missing("tokenizer.ggml.merges"))?;
        let merges = Merges::read(merges, &ids)?;
        let begin = special(gguf, "tokenizer.ggml.bos_token_id", texts.len())?;
        let end = special(gguf, "tokenizer.ggml.eos_token_id", texts.len())?
            .ok_or_else(|| missing("tokenizer.ggml.eos_token_id"))?;
        Ok(Self { tokens, bytes, merges, begin, end })
    }

    /// Turns text into tokens. Text that spells a control token (`<|endoftext|>`) stays text.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<Token> {
        let mut encoded = Vec::new();
        for word in words::words(text) {
            let ids = text.as_bytes()[word.clone()].iter().map(|byte| self.bytes[usize::from(*byte)]);
            let mut at = word.start;
            for id in self.merges.apply(ids) {
                let end = at + self.tokens[id as usize].len();
                encoded.push(Token { id, range: at..end });
                at = end;
            }
        }
        encoded
    }

    /// Turns tokens into text. Bytes that are not UTF-8 become U+FFFD, control tokens the text that names them;
    /// ids outside the vocabulary are left out.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().filter_map(|id| self.bytes_of(*id)).flatten().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The text of one token, as [`decode`](Self::decode) gives it.
    #[must_use]
    pub fn token_text(&self, id: u32) -> String {
        self.decode(&[id])
    }

    /// The bytes that a token stands for.
    #[must_use]
    pub fn bytes_of(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id as usize).map(|bytes| &**bytes)
    }

    /// The bytes of every token, in the order of their ids.
    pub fn vocabulary(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.tokens.iter().map(|bytes| &**bytes)
    }

    /// The token that a text may begin with.
    #[must_use]
    pub fn begin(&self) -> Option<u32> {
        self.begin
    }

    /// The token that ends a text.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Number of tokens, V.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Never true: a vocabulary without tokens is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

fn missing(key: &str) -> GgufError {
    GgufError::Missing(key.to_owned())
}

/// The id of a special token, where the file names one.
fn special(gguf: &Gguf, key: &'static str, tokens: usize) -> Result<Option<u32>, TokenizerError> {
    match gguf.unsigned(key)? {
        Some(id) if id >= tokens as u64 => Err(TokenizerError::Special { key, id }),
        id => Ok(id.map(|id| id as u32)),
    }
}
