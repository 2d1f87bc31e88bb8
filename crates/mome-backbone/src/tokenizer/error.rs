//! What can be wrong with a tokenizer.

use thiserror::Error;

use crate::GgufError;

/// The most tokens that a vocabulary may have.
pub(super) const MAX_VOCABULARY: usize = 1 << 22;
/// The longest token, in bytes. Time to look a token up is bounded by it.
pub(super) const MAX_TOKEN: usize = 4096;

/// Why a tokenizer cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// Metadata that are missing or of the wrong type.
    #[error(transparent)]
    Metadata(#[from] GgufError),
    /// A kind of tokenizer that is not supported.
    #[error("tokenizer model {0} is not supported; supported are gpt2, llama, t5, bert")]
    Model(String),
    /// A way of cutting text into words that is not supported.
    #[error(
        "pre-tokenisation {0} is not supported; supported are gpt-2, default, llama-bpe, llama3, llama-v3, \
         qwen2, smollm"
    )]
    PreTokenisation(String),
    /// SentencePiece models that put a word's space behind it.
    #[error("tokenizer.ggml.treat_whitespace_as_suffix is not supported")]
    Suffix,
    /// A vocabulary that is empty or absurdly large.
    #[error("a vocabulary of {0} tokens cannot be used (1 to {MAX_VOCABULARY} can)")]
    Size(usize),
    /// A token that is absurdly long.
    #[error(
        "tokenizer.ggml.tokens, entry {index}: {bytes} bytes are too long for a token ({MAX_TOKEN} at most)"
    )]
    TokenLength {
        /// Its place in the list, from 0.
        index: usize,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A list with another length than the vocabulary.
    #[error("{key} has {entries} entries for {tokens} tokens")]
    Length {
        /// The metadata key.
        key: &'static str,
        /// Entries in the list.
        entries: usize,
        /// Tokens in the vocabulary.
        tokens: usize,
    },
    /// A type of token that GGUF does not have.
    #[error("tokenizer.ggml.token_type, entry {index}: {kind} is not a type of token (1 to 6 are)")]
    Kind {
        /// Its place in the list, from 0.
        index: usize,
        /// The number.
        kind: i64,
    },
    /// A score that is not a number to compare.
    #[error("tokenizer.ggml.scores, entry {index}: {score} is not a finite score")]
    Score {
        /// Its place in the list, from 0.
        index: usize,
        /// The score.
        score: f64,
    },
    /// A merge that does not name two tokens, or whose result is not a token.
    #[error("tokenizer.ggml.merges, entry {index}: `{merge}` does not join two tokens to a third")]
    Merge {
        /// Its place in the list, from 0.
        index: usize,
        /// The merge.
        merge: String,
    },
    /// A byte of texts that no token stands for.
    #[error("no token stands for the byte {0:#04x}")]
    Byte(u8),
    /// A SentencePiece vocabulary that leaves some texts without tokens.
    #[error("the vocabulary has neither 256 byte tokens nor an unknown token")]
    Fallback,
    /// A WordPiece vocabulary that leaves some texts without tokens.
    #[error("the vocabulary has no unknown token")]
    Unknown,
    /// A token of type byte that does not read `<0xXX>`.
    #[error("tokenizer.ggml.tokens, entry {index}: `{text}` is not a byte token, such as <0x0A>")]
    ByteToken {
        /// Its place in the list, from 0.
        index: usize,
        /// Its text.
        text: String,
    },
    /// A table of normalisations that is damaged.
    #[error("tokenizer.ggml.precompiled_charsmap: {0}")]
    Charsmap(&'static str),
    /// A special token that is not in the vocabulary.
    #[error("metadata {key} is {id}, which is not a token")]
    Special {
        /// The metadata key.
        key: &'static str,
        /// The id that it gives.
        id: u64,
    },
}
