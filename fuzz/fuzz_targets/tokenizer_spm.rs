//! SentencePiece: any text with any pieces, settings and table of normalisations.

#![no_main]

#[path = "../../crates/mome-backbone/tests/common/mod.rs"]
mod common;

use std::sync::LazyLock;

use common::{Meta, sentence_piece, tokenizer};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    unigram: bool,
    byte_tokens: bool,
    add_space_prefix: bool,
    remove_extra_whitespaces: bool,
    charsmap: Option<Charsmap<'a>>,
    pieces: Vec<(&'a str, f32, u8)>,
    text: &'a str,
    ids: Vec<u32>,
}

#[derive(Debug, Arbitrary)]
struct Charsmap<'a> {
    units: Vec<u32>,
    replacements: &'a [u8],
}

static BYTE_TOKENS: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>")).collect());

fuzz_target!(|input: Input<'_>| {
    let mut pieces = vec![("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)];
    if input.byte_tokens {
        pieces.extend(BYTE_TOKENS.iter().map(|name| (name.as_str(), 0.0, 6)));
    }
    // Mostly types and scores that make sense, so that most vocabularies can be used.
    pieces.extend(input.pieces.iter().map(|(text, score, kind)| match kind {
        0..200 => {
            (*text, if score.is_finite() { *score } else { 0.0 }, [1, 1, 1, 3, 4, 5][usize::from(*kind) % 6])
        }
        _ => (*text, *score, i32::from(*kind) - 200),
    }));
    let mut file = sentence_piece(if input.unigram { "t5" } else { "llama" }, &pieces)
        .meta("tokenizer.ggml.add_space_prefix", Meta::Bool(input.add_space_prefix))
        .meta("tokenizer.ggml.remove_extra_whitespaces", Meta::Bool(input.remove_extra_whitespaces));
    if let Some(Charsmap { units, replacements }) = &input.charsmap {
        let trie: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let table = [&(trie.len() as u32).to_le_bytes()[..], &trie, replacements].concat();
        file = file.meta("tokenizer.ggml.precompiled_charsmap", Meta::Bytes(&table));
    }
    let Ok(tokenizer) = tokenizer(&file) else { return };

    let text = input.text;
    let lossless = input.byte_tokens && !input.remove_extra_whitespaces && input.charsmap.is_none();
    for tokens in [tokenizer.encode(text), tokenizer.encode_with_special(text)] {
        let mut before = 0..0;
        for token in &tokens {
            assert!((token.id as usize) < tokenizer.len());
            assert!(token.range.start >= before.start && token.range.end >= before.end);
            assert!(token.range.start <= token.range.end && token.range.end <= text.len());
            before = token.range.clone();
        }
        if lossless {
            // What stands for a space in pieces is one in text, too, unless a control token has it.
            let spaced = |text: &str| text.replace('\u{2581}', " ");
            assert_eq!(spaced(&tokenizer.decode(&common::ids(&tokens))), spaced(text));
        }
    }
    let mut decoder = tokenizer.continuation_decoder();
    let pushed: String = input.ids.iter().map(|id| decoder.push(*id)).collect();
    assert_eq!(pushed + &decoder.finish(), tokenizer.decode_continuation(&input.ids));
});
