//! Byte-level BPE against Hugging Face's, and what must hold for any text.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::LazyLock;

use common::{Meta, byte_vocabulary, data, small_llama, tiny};
use mome_backbone::{Backbone, Tokenizer};
use proptest::prelude::*;
use serde_json::Value;

static TINY: LazyLock<Backbone> = LazyLock::new(|| Backbone::from_bytes(&tiny()).unwrap());

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text).into_iter().map(|token| token.id).collect()
}

#[test]
fn equals_the_oracle() {
    let oracle: Value = serde_json::from_slice(&data("tokenizer-gpt-2.json")).unwrap();
    let list = |key: &str| serde_json::from_value::<Vec<String>>(oracle[key].clone()).unwrap();
    let backbone = Backbone::from_bytes(&small_llama(&list("vocab"), &list("merges")).bytes()).unwrap();
    let tokenizer = backbone.tokenizer();
    let control = "<|endoftext|>";
    for case in oracle["cases"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        // The oracle takes control tokens out of the text first; here they are text like any other.
        let parts: Vec<Vec<u32>> = text.split(control).map(|part| ids(tokenizer, part)).collect();
        assert_eq!(parts.join(&tokenizer.end()), expected, "{text:?}");
        assert_eq!(tokenizer.decode(&expected), text);
        assert!(!ids(tokenizer, text).contains(&tokenizer.end()), "{text:?}");
    }
}

#[test]
fn tells_what_it_cannot_use() {
    let vocabulary = byte_vocabulary();
    let good = small_llama(&vocabulary, &["a b".to_owned()]);
    let message = |file: common::Writer| Backbone::from_bytes(&file.bytes()).unwrap_err().to_string();
    let unjoined = message(good.clone());
    assert_eq!(unjoined, "tokenizer.ggml.merges, entry 0: `a b` does not join two tokens to a third");
    let good = small_llama(&vocabulary, &[]);
    Backbone::from_bytes(&good.bytes()).unwrap();
    assert_eq!(
        message(good.clone().meta("tokenizer.ggml.model", Meta::Text("llama"))),
        "tokenizer model llama is not supported; supported is gpt2"
    );
    assert_eq!(
        message(good.clone().meta("tokenizer.ggml.pre", Meta::Text("qwen2"))),
        "pre-tokenisation qwen2 is not supported; supported is gpt-2"
    );
    assert_eq!(
        message(good.clone().without_meta("tokenizer.ggml.eos_token_id")),
        "metadata tokenizer.ggml.eos_token_id is missing"
    );
    assert_eq!(
        message(good.clone().meta("tokenizer.ggml.bos_token_id", Meta::U32(257))),
        "metadata tokenizer.ggml.bos_token_id is 257, which is not a token"
    );
    assert_eq!(
        message(good.clone().meta("tokenizer.ggml.token_type", Meta::Integers(&[3, 1]))),
        "tokenizer.ggml.token_type has 2 entries for 257 tokens"
    );
    assert_eq!(message(small_llama(&vocabulary[..256], &[])), "no token stands for the byte 0xff");
}

#[test]
fn a_token_that_text_could_spell_is_out_of_reach_when_it_is_control() {
    let mut vocabulary = byte_vocabulary();
    vocabulary.push("hi".to_owned());
    let merges = ["h i".to_owned()];
    let types = |last| (0..258).map(|id| if id == 257 { last } else { 1 }).collect::<Vec<i32>>();
    let file = |types: &[i32]| {
        let file = small_llama(&vocabulary, &merges).meta("tokenizer.ggml.token_type", Meta::Integers(types));
        Backbone::from_bytes(&file.bytes())
    };
    assert_eq!(ids(file(&types(1)).unwrap().tokenizer(), "hi"), [257]);
    // The merge now leads to no token that text may have.
    assert!(file(&types(3)).is_err());
}

#[test]
fn one_enormous_word_takes_no_enormous_time() {
    let tokenizer = TINY.tokenizer();
    for text in ["a".repeat(100_000), "banana".repeat(16_000), "\u{1F600}".repeat(25_000)] {
        assert_eq!(tokenizer.decode(&ids(tokenizer, &text)), text);
    }
}

#[test]
fn ids_outside_the_vocabulary_are_left_out() {
    let tokenizer = TINY.tokenizer();
    assert_eq!(tokenizer.decode(&[u32::MAX, 33, 8192]), tokenizer.token_text(33));
    assert_eq!(tokenizer.bytes_of(8192), None);
    assert_eq!((tokenizer.len(), tokenizer.is_empty()), (8192, false));
    assert_eq!((tokenizer.begin(), tokenizer.end()), (Some(0), 0));
}

proptest! {
    #[test]
    fn tokens_tile_the_text(text in "(\\PC|[ \n\t'a-z0-9]){0,60}") {
        let tokenizer = TINY.tokenizer();
        let tokens = tokenizer.encode(&text);
        let mut at = 0;
        for token in &tokens {
            prop_assert_eq!(token.range.start, at);
            prop_assert_eq!(&text.as_bytes()[token.range.clone()], tokenizer.bytes_of(token.id).unwrap());
            at = token.range.end;
        }
        prop_assert_eq!(at, text.len());
        prop_assert!(tokens.iter().all(|token| token.id != tokenizer.end()));
    }
}
