//! SentencePiece vocabularies against the sentencepiece library.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, Writer, data, ids, sentence_piece, tokenizer};
use serde_json::Value;

/// The file of an oracle's pieces.
fn file(model: &str, oracle: &Value) -> Writer {
    let kinds = ["normal", "unknown", "control", "user_defined", "unused", "byte"];
    let pieces: Vec<(&str, f32, i32)> = oracle["pieces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| {
            let kind = kinds.iter().position(|kind| piece[2] == *kind).unwrap();
            (piece[0].as_str().unwrap(), piece[1].as_f64().unwrap() as f32, kind as i32 + 1)
        })
        .collect();
    sentence_piece(model, &pieces)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&data(name)).unwrap()
}

/// With the normalisation that the oracles were made with, as much of it as their texts need.
fn normalizing(file: &Writer) -> Writer {
    file.clone()
        .meta("tokenizer.ggml.precompiled_charsmap", Meta::Bytes(&data("charsmap-nfkc.bin")))
        .meta("tokenizer.ggml.remove_extra_whitespaces", Meta::Bool(true))
}

fn models() -> [(&'static str, &'static str, Writer); 2] {
    [
        ("bpe", "llama", file("llama", &json("tokenizer-spm-bpe.json"))),
        ("unigram", "t5", file("t5", &json("tokenizer-spm-unigram.json"))),
    ]
}

#[test]
fn equals_the_oracle() {
    for (name, model, _) in models() {
        let oracle = json(&format!("tokenizer-spm-{name}.json"));
        let tokenizer = tokenizer(&normalizing(&file(model, &oracle))).unwrap();
        let cases = oracle["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 16);
        for case in cases {
            let text = case["text"].as_str().unwrap();
            let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
            assert_eq!(ids(&tokenizer.encode(text)), expected, "{name} {text:?}");
        }
    }
}

/// A hundred texts of whatever the methods and the normalisation treat apart, under four settings.
#[test]
fn equals_the_library_under_all_settings() {
    let oracle = json("sentence-piece.json");
    let texts: Vec<String> = serde_json::from_value(oracle["texts"].clone()).unwrap();
    assert_eq!(texts.len(), 100);
    for (name, _, plain) in models() {
        let flag = |key: &str, truth| plain.clone().meta(&format!("tokenizer.ggml.{key}"), Meta::Bool(truth));
        let settings = [
            ("normalised", normalizing(&plain)),
            ("plain", plain.clone()),
            ("bare", flag("add_space_prefix", false)),
            ("trimmed", flag("remove_extra_whitespaces", true)),
        ];
        for (setting, file) in settings {
            let tokenizer = tokenizer(&file).unwrap();
            let expected: Vec<Vec<u32>> = serde_json::from_value(oracle[name][setting].clone()).unwrap();
            for (text, expected) in texts.iter().zip(expected) {
                assert_eq!(ids(&tokenizer.encode(text)), expected, "{name} {setting} {text:?}");
            }
        }
    }
}

#[test]
fn tokens_cover_the_text_that_they_come_from() {
    let [(_, _, bpe), _] = models();
    let plain = tokenizer(&bpe).unwrap();
    let text = "Cook ñ";
    let tokens = plain.encode(text);
    let read: Vec<(String, &str)> = tokens
        .iter()
        .map(|token| (plain.token_text(token.id), text.get(token.range.clone()).unwrap_or("a part")))
        .collect();
    let part = |text: &str| (text.to_owned(), "a part");
    let expected = [(" C".to_owned(), "C"), ("ook".to_owned(), "ook"), (" ".to_owned(), " ")];
    assert_eq!(read[..3], expected);
    assert_eq!(read[3..], [part("\u{FFFD}"), part("\u{FFFD}")]);
    // Normalised: two tokens of one character, and a character's bytes.
    let tokenizer = tokenizer(&normalizing(&bpe)).unwrap();
    let ranges: Vec<_> =
        tokenizer.encode("  x \u{FB01} A\u{30A} ").into_iter().map(|token| token.range).collect();
    assert_eq!(ranges, [2..2, 2..3, 3..7, 4..7, 7..8, 8..11, 8..11]);
}

#[test]
fn text_behind_other_text_gets_no_space() {
    let [(_, _, bpe), _] = models();
    let plain = tokenizer(&bpe).unwrap();
    assert_eq!(
        plain.encode_continuation(" the"),
        [plain.encode("the")[0].clone()].map(|mut token| {
            token.range = 0..4;
            token
        })
    );
    assert_eq!(plain.decode(&ids(&plain.encode("the"))), "the");
    assert_eq!(plain.decode_continuation(&ids(&plain.encode("the"))), " the");
    // Behind a control token a text begins.
    let tokens = plain.encode_with_special("</s>the");
    assert_eq!(ids(&tokens), [2, ids(&plain.encode("the"))[0]]);
    assert_eq!(plain.decode(&ids(&tokens)), "</s>the");
}

/// Without byte tokens, neighbouring characters that no piece covers are one unknown token.
#[test]
fn the_unknown_token_stands_for_what_no_piece_covers() {
    let pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("▁a", -1.0, 1), ("b", -2.0, 1)];
    for model in ["llama", "t5"] {
        let tokens = tokenizer(&sentence_piece(model, &pieces)).unwrap().encode("aéxbz");
        assert_eq!(ids(&tokens), [3, 0, 4, 0], "{model}");
        assert_eq!(tokens[1].range, 1..4, "{model}");
    }
}

/// A trie whose every node leads somewhere outside, or back to itself.
#[test]
fn a_charsmap_that_leads_nowhere_does_nothing() {
    let [(_, _, bpe), _] = models();
    let expected = tokenizer(&bpe).unwrap().encode("aé the");
    for unit in [0u32, u32::MAX, 0x7FFF_FFFF, 0x161, 0x8000_0061] {
        let trie: Vec<u8> = unit.to_le_bytes().repeat(64);
        let table = [&256u32.to_le_bytes()[..], &trie].concat();
        let file = bpe.clone().meta("tokenizer.ggml.precompiled_charsmap", Meta::Bytes(&table));
        assert_eq!(tokenizer(&file).unwrap().encode("aé the"), expected, "{unit:#x}");
    }
}
