//! The tokens that stand around texts.

use super::TokenizerError;
use super::metadata::{missing, special};
use super::vocabulary::{TokenKind, Vocabulary};
use crate::Gguf;

/// Texts of control tokens that end what a model says, whatever the file's metadata name.
const END_TEXTS: [&str; 7] = [
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<end_of_turn>",
];

/// Whether a text has the begin token before it and the end token behind it, where a file does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added {
    pub(super) begin: bool,
    pub(super) end: bool,
}

/// Which tokens stand before and behind texts.
#[derive(Debug)]
pub(super) struct SpecialTokens {
    pub(super) begin: Option<u32>,
    pub(super) end: u32,
    /// All tokens that end what a model says, in order.
    pub(super) ends: Vec<u32>,
    /// The token whose state stands for the whole of what an encoder reads.
    pub(super) class: Option<u32>,
    /// The token behind each text that an encoder reads.
    pub(super) separator: u32,
    pub(super) padding: Option<u32>,
    pub(super) added: Added,
}

impl SpecialTokens {
    /// Reads what the metadata name; tokens that they don't name are found by the texts that BERT has for
    /// them.
    pub(super) fn read(gguf: &Gguf, vocabulary: &Vocabulary, default: Added) -> Result<Self, TokenizerError> {
        let named = |key| special(gguf, key, vocabulary.len());
        let [begin, end] = [named("tokenizer.ggml.bos_token_id")?, named("tokenizer.ggml.eos_token_id")?];
        // The key's spelling is llama.cpp's.
        let [class, separator] =
            [named("tokenizer.ggml.cls_token_id")?, named("tokenizer.ggml.seperator_token_id")?];
        let class = class.or(begin).or_else(|| vocabulary.named("[CLS]"));
        let separator = separator.or(end).or_else(|| vocabulary.named("[SEP]"));
        let end = end.or(separator).ok_or_else(|| missing("tokenizer.ggml.eos_token_id"))?;
        Ok(Self {
            begin,
            end,
            ends: ends_of(
                vocabulary,
                end,
                [named("tokenizer.ggml.eot_token_id")?, named("tokenizer.ggml.eom_token_id")?],
            ),
            class,
            separator: separator.unwrap_or(end),
            padding: named("tokenizer.ggml.padding_token_id")?.or_else(|| vocabulary.named("[PAD]")),
            added: Added {
                begin: begin.is_some() && gguf.bool("tokenizer.ggml.add_bos_token")?.unwrap_or(default.begin),
                end: gguf.bool("tokenizer.ggml.add_eos_token")?.unwrap_or(default.end),
            },
        })
    }
}

/// The tokens that end what a model says: those that metadata name, and control tokens with well-known texts.
fn ends_of(vocabulary: &Vocabulary, end: u32, named: [Option<u32>; 2]) -> Vec<u32> {
    let well_known = vocabulary.of_kinds(&[TokenKind::Control]).filter(|id| {
        let text = vocabulary.bytes_of(*id);
        END_TEXTS.iter().any(|end| Some(end.as_bytes()) == text)
    });
    let mut ends: Vec<u32> = well_known.chain([end]).chain(named.into_iter().flatten()).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}
