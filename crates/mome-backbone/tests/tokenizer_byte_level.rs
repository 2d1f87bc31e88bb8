//! Byte-level BPE against Hugging Face's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, byte_vocabulary, data, ids, small_llama, tokenizer};
use serde_json::Value;

#[test]
fn equals_the_oracle() {
    let oracle: Value = serde_json::from_slice(&data("tokenizers-bpe.json")).unwrap();
    let oracle = oracle.as_object().unwrap();
    assert_eq!(oracle.keys().collect::<Vec<_>>(), ["gpt-2", "llama-bpe", "qwen2", "smollm"]);
    for (pre, oracle) in oracle {
        let list = |key: &str| serde_json::from_value::<Vec<String>>(oracle[key].clone()).unwrap();
        let vocabulary = list("vocab");
        let types: Vec<i32> = (0..vocabulary.len()).map(|id| if id < 3 { 3 } else { 1 }).collect();
        let file = small_llama(&vocabulary, &list("merges"))
            .meta("tokenizer.ggml.pre", Meta::Text(pre))
            .meta("tokenizer.ggml.token_type", Meta::Integers(&types));
        let tokenizer = tokenizer(&file).unwrap();
        for case in oracle["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
            assert_eq!(ids(&tokenizer.encode_with_special(text)), expected, "{pre} {text:?}");
            assert_eq!(tokenizer.decode(&expected), text);
            // Without special tokens their names are text like any other.
            let plain = tokenizer.encode(text);
            assert!(plain.iter().all(|token| token.id > 2), "{pre} {text:?}");
            for token in plain {
                assert_eq!(&text.as_bytes()[token.range], tokenizer.bytes_of(token.id).unwrap());
            }
        }
    }
}

#[test]
fn a_token_that_text_could_spell_is_out_of_reach_when_it_is_control() {
    let mut vocabulary = byte_vocabulary();
    vocabulary.push("hi".to_owned());
    let merges = ["h i".to_owned()];
    let types = |last| (0..258).map(|id| if id == 257 { last } else { 1 }).collect::<Vec<i32>>();
    let file = |types: &[i32]| {
        tokenizer(&small_llama(&vocabulary, &merges).meta("tokenizer.ggml.token_type", Meta::Integers(types)))
    };
    assert_eq!(ids(&file(&types(1)).unwrap().encode("hi")), [257]);
    // The merge now leads to no token that text may have.
    assert!(file(&types(3)).is_err());
}

/// Llama 3's vocabulary has words that its merges don't make.
#[test]
fn a_whole_word_is_its_token_for_llama_3_alone() {
    let mut vocabulary = byte_vocabulary();
    vocabulary.push("Ġyes".to_owned());
    let encode = |pre: &str| {
        let file = small_llama(&vocabulary, &[]).meta("tokenizer.ggml.pre", Meta::Text(pre));
        ids(&tokenizer(&file).unwrap().encode(" yes"))
    };
    assert_eq!(encode("llama-bpe"), [257]);
    assert_eq!(encode("qwen2").len(), 4);
}

/// A user-defined token is text as it stands, not in the alphabet of bytes.
#[test]
fn a_user_defined_token_reads_as_it_is_written() {
    let mut vocabulary = byte_vocabulary();
    vocabulary.push("é ✓".to_owned());
    let types: Vec<i32> = (0..258).map(|id| if id == 257 { 4 } else { 1 }).collect();
    let file = small_llama(&vocabulary, &[]).meta("tokenizer.ggml.token_type", Meta::Integers(&types));
    let tokenizer = tokenizer(&file).unwrap();
    let tokens = tokenizer.encode("aé ✓b");
    assert_eq!(ids(&tokens), [98, 257, 99]);
    assert_eq!(tokens[1].range, 1..7);
    assert_eq!(tokenizer.decode(&ids(&tokens)), "aé ✓b");
}

#[test]
fn of_tokens_and_merges_that_occur_twice_the_first_counts() {
    let vocabulary = [byte_vocabulary(), ["ab", "ab", "a"].map(str::to_owned).to_vec()].concat();
    let merges = ["a b", "a b"].map(str::to_owned);
    let tokenizer = tokenizer(&small_llama(&vocabulary, &merges)).unwrap();
    assert_eq!(ids(&tokenizer.encode("aba")), [257, 1 + u32::from(b'a')]);
    assert_eq!(tokenizer.decode(&[257, 258, 259]), "ababa");
}
