//! Byte-level BPE: any text with the bytes and merges of any of their pairs, and with any vocabulary.

#![no_main]

#[path = "../../crates/mome-backbone/tests/common/mod.rs"]
mod common;

use std::sync::LazyLock;

use common::{Meta, Writer, byte_vocabulary, tokenizer};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mome_backbone::{Tokenizer, TokenizerError};

const PRE_TOKENIZERS: [&str; 4] = ["gpt-2", "llama-bpe", "qwen2", "smollm"];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    pre_tokenizer: u8,
    /// Pairs of tokens to be merged, by their place in the vocabulary so far.
    pairs: Vec<(u16, u16)>,
    /// Tokens with their types, and merges, that need make no sense.
    tokens: Vec<(&'a str, i8)>,
    merges: Vec<&'a str>,
    text: &'a str,
    ids: Vec<u32>,
}

/// The tokenizer of a small vocabulary, under each pre-tokenisation.
static FIXED: LazyLock<[Tokenizer; 4]> = LazyLock::new(|| {
    let joined = ["Ġ t", "h e", "Ġt he", "1 2", "Ã ©", "Ċ Ċ", "' s"].map(str::to_owned);
    let results = joined.iter().map(|pair| pair.replace(' ', ""));
    let vocabulary: Vec<String> = byte_vocabulary().into_iter().chain(results).collect();
    PRE_TOKENIZERS.map(|pre| read(pre, &vocabulary, &joined, &[]).expect("a vocabulary that makes sense"))
});

fuzz_target!(|input: Input<'_>| {
    let place = usize::from(input.pre_tokenizer) % PRE_TOKENIZERS.len();
    check(&FIXED[place], input.text, &input.ids);
    if input.pairs.is_empty() && input.tokens.is_empty() && input.merges.is_empty() {
        return;
    }
    let mut vocabulary = byte_vocabulary();
    let mut merges = Vec::new();
    let mut types = vec![1; vocabulary.len()];
    types[0] = 3;
    for (left, right) in input.pairs {
        let token = |place: u16| &vocabulary[1 + usize::from(place) % (vocabulary.len() - 1)];
        let (left, right) = (token(left), token(right));
        if left.len() + right.len() < 100 {
            merges.push(format!("{left} {right}"));
            vocabulary.push(format!("{left}{right}"));
            types.push(1);
        }
    }
    for (token, kind) in input.tokens {
        vocabulary.push(token.to_owned());
        types.push(kind.into());
    }
    merges.extend(input.merges.into_iter().map(str::to_owned));
    if let Ok(tokenizer) = read(PRE_TOKENIZERS[place], &vocabulary, &merges, &types) {
        check(&tokenizer, input.text, &input.ids);
    }
});

/// Reads a tokenizer; without `types` all tokens are normal ones.
fn read(
    pre: &str,
    vocabulary: &[String],
    merges: &[String],
    types: &[i32],
) -> Result<Tokenizer, TokenizerError> {
    let file = Writer::default()
        .meta("tokenizer.ggml.model", Meta::Text("gpt2"))
        .meta("tokenizer.ggml.pre", Meta::Text(pre))
        .meta("tokenizer.ggml.tokens", Meta::Texts(vocabulary))
        .meta("tokenizer.ggml.merges", Meta::Texts(merges))
        .meta("tokenizer.ggml.eos_token_id", Meta::U32(0));
    let types = if types.is_empty() { &vec![1; vocabulary.len()] } else { types };
    tokenizer(&file.meta("tokenizer.ggml.token_type", Meta::Integers(types)))
}

/// Tokens cover the text and give it back; any ids are decoded.
fn check(tokenizer: &Tokenizer, text: &str, ids: &[u32]) {
    for tokens in [tokenizer.encode(text), tokenizer.encode_with_special(text)] {
        let mut at = 0;
        for token in &tokens {
            assert_eq!(token.range.start, at);
            assert_eq!(Some(&text.as_bytes()[token.range.clone()]), tokenizer.bytes_of(token.id));
            at = token.range.end;
        }
        assert_eq!(at, text.len());
        assert_eq!(tokenizer.decode(&common::ids(&tokens)), text);
    }
    let mut decoder = tokenizer.decoder();
    let pushed: String = ids.iter().map(|id| decoder.push(*id)).collect();
    let bytes: Vec<u8> = ids.iter().filter_map(|id| tokenizer.bytes_of(*id)).flatten().copied().collect();
    assert_eq!(pushed + &decoder.finish(), String::from_utf8_lossy(&bytes));
}
