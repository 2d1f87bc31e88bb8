//! Multilingual encoders: XLM-R's unigram vocabulary and special tokens, against Hugging Face's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, Writer, data, ids, parse, sentence_piece, tokenizer};
use mome_backbone::EncoderFrame;
use serde_json::Value;

/// What llama.cpp's converter writes of XLM-R's tokenizer.
fn file(oracle: &Value) -> Writer {
    let pieces: Vec<(&str, f32, i32)> = oracle["pieces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| {
            let text = piece[0].as_str().unwrap();
            let kind = match text {
                "<s>" | "<pad>" | "</s>" | "<mask>" => 3,
                "<unk>" => 2,
                _ => 1,
            };
            (text, piece[1].as_f64().unwrap() as f32, kind)
        })
        .collect();
    let file = sentence_piece("t5", &pieces)
        .meta("tokenizer.ggml.precompiled_charsmap", Meta::Bytes(&data("charsmap-nfkc.bin")))
        .meta("tokenizer.ggml.add_space_prefix", Meta::Bool(true))
        .meta("tokenizer.ggml.remove_extra_whitespaces", Meta::Bool(true))
        .meta("tokenizer.ggml.token_type_count", Meta::U32(1));
    let special = [("bos", 0), ("eos", 2), ("unknown", 3), ("seperator", 2), ("padding", 1), ("cls", 0)];
    special
        .into_iter()
        .fold(file, |file, (name, id)| file.meta(&format!("tokenizer.ggml.{name}_token_id"), Meta::U32(id)))
}

#[test]
fn equals_the_oracle() {
    let oracle: Value = serde_json::from_slice(&data("xlm-roberta.json")).unwrap();
    let file = file(&oracle);
    let tokenizer = tokenizer(&file).unwrap();
    let frame = EncoderFrame::read(&parse(&file.bytes()).unwrap(), &tokenizer).unwrap();
    assert_eq!((tokenizer.cls(), tokenizer.sep(), tokenizer.padding()), (Some(0), 2, Some(1)));
    let list = |value: &Value| serde_json::from_value::<Vec<u32>>(value.clone()).unwrap();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 30);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let tokens = tokenizer.encode(text);
        let input = frame.single(&ids(&tokens), 512);
        assert_eq!(input.ids, list(&case["ids"]), "{text:?}");
        let offsets: Vec<[usize; 2]> = serde_json::from_value(case["offsets_chars"].clone()).unwrap();
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for (token, [from, to]) in tokens.iter().zip(&offsets[input.texts[0].clone()]) {
            // Hugging Face gives a space that is a token of its own the character behind it.
            if tokenizer.bytes_of(token.id) == Some(b" ") {
                continue;
            }
            // A word's token has the space before it, which it spells; U+200B is normalised to one.
            let is_space = |character: char| character.is_whitespace() || character == '\u{200B}';
            let own = text[token.range.clone()].trim_start_matches(is_space);
            let start = token.range.end - own.len();
            // Hugging Face gives a composed character the first of those that it was made of.
            let marks = text[starts[*to]..].chars().take_while(|next| matches!(next, '\u{300}'..='\u{36F}'));
            let end = starts[*to] + marks.map(char::len_utf8).sum::<usize>();
            assert_eq!(start..token.range.end, starts[*from]..end, "{text:?} {token:?}");
        }
    }
    let pairs = oracle["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 25);
    for pair in pairs {
        let [first, second] = [0, 1].map(|at| ids(&tokenizer.encode(pair["texts"][at].as_str().unwrap())));
        let input = frame.pair(&first, &second, 512);
        assert_eq!(input.ids, list(&pair["ids"]));
        assert_eq!(input.texts.clone().map(|text| input.ids[text].to_vec()), [first, second]);
        assert_eq!(input.types_from, input.ids.len());
    }
}
