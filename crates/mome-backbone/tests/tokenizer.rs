//! What must hold for any tokenizer and any text, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::LazyLock;

use common::{Meta, Writer, byte_vocabulary, data, ids, parse, sentence_piece, small_llama, tiny, tokenizer};
use mome_backbone::Tokenizer;
use proptest::prelude::*;

static TINY: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::read(&parse(&tiny()).unwrap()).unwrap());

/// A SentencePiece vocabulary of a few pieces, with byte tokens or without.
fn pieces(bytes: bool) -> Vec<(&'static str, f32, i32)> {
    let mut pieces = vec![("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("▁[mark]", 0.0, 4)];
    for (index, piece) in ["▁", "a", "b", "▁a", "ab", "▁ab", "aa", "é", "▁é"].into_iter().enumerate()
    {
        pieces.push((piece, -1.0 - index as f32, 1));
    }
    if bytes {
        let names = (0..=u8::MAX).map(|byte| &*format!("<0x{byte:02X}>").leak());
        pieces.extend(names.map(|name| (name, 0.0, 6)));
    }
    pieces
}

fn all() -> &'static [(&'static str, Tokenizer)] {
    static ALL: LazyLock<Vec<(&'static str, Tokenizer)>> = LazyLock::new(|| {
        let piece = |model: &str, bytes| tokenizer(&sentence_piece(model, &pieces(bytes))).unwrap();
        vec![
            ("gpt2", Tokenizer::read(&parse(&tiny()).unwrap()).unwrap()),
            ("llama", piece("llama", true)),
            ("t5", piece("t5", true)),
            ("llama without bytes", piece("llama", false)),
            ("t5 without bytes", piece("t5", false)),
        ]
    });
    &ALL
}

#[test]
fn tells_what_it_cannot_use() {
    let vocabulary = byte_vocabulary();
    let good = small_llama(&vocabulary, &[]);
    let message = |file: Writer| tokenizer(&file).unwrap_err().to_string();
    let with = |key: &str, value: Meta<'_>| message(good.clone().meta(key, value));
    tokenizer(&good).unwrap();
    assert_eq!(
        message(small_llama(&vocabulary, &["a b".to_owned()])),
        "tokenizer.ggml.merges, entry 0: `a b` does not join two tokens to a third"
    );
    assert_eq!(
        with("tokenizer.ggml.model", Meta::Text("rwkv")),
        "tokenizer model rwkv is not supported; supported are gpt2, llama, t5, bert"
    );
    assert_eq!(
        with("tokenizer.ggml.pre", Meta::Text("tekken")),
        "pre-tokenisation tekken is not supported; supported are gpt-2, default, llama-bpe, llama3, llama-v3, \
         qwen2, smollm"
    );
    assert_eq!(
        message(good.clone().without_meta("tokenizer.ggml.eos_token_id")),
        "metadata tokenizer.ggml.eos_token_id is missing"
    );
    for key in ["tokenizer.ggml.bos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
        assert_eq!(with(key, Meta::U32(257)), format!("metadata {key} is 257, which is not a token"));
    }
    assert_eq!(
        with("tokenizer.ggml.token_type", Meta::Integers(&[3, 1])),
        "tokenizer.ggml.token_type has 2 entries for 257 tokens"
    );
    assert_eq!(
        with("tokenizer.ggml.token_type", Meta::Integers(&[7; 257])),
        "tokenizer.ggml.token_type, entry 0: 7 is not a type of token (1 to 6 are)"
    );
    assert_eq!(
        with("tokenizer.ggml.token_type", Meta::Text("normal")),
        "metadata tokenizer.ggml.token_type should be a list of integers"
    );
    let long = [vocabulary.clone(), vec!["x".repeat(4097)]].concat();
    assert_eq!(
        message(small_llama(&long, &[])),
        "tokenizer.ggml.tokens, entry 257: 4097 bytes are too long for a token (4096 at most)"
    );
    assert_eq!(
        with("tokenizer.ggml.tokens", Meta::Texts(&[])),
        "a vocabulary of 0 tokens cannot be used (1 to 4194304 can)"
    );
    // A byte that no UTF-8 text has needs no token; any other needs one, or an unknown token.
    tokenizer(&small_llama(&vocabulary[..256], &[])).unwrap();
    let without_bang = [&vocabulary[..34], &vocabulary[35..]].concat();
    let without_bang = small_llama(&without_bang, &[]);
    assert_eq!(message(without_bang.clone()), "no token stands for the byte 0x21");
    let unknown = tokenizer(&without_bang.meta("tokenizer.ggml.unknown_token_id", Meta::U32(0))).unwrap();
    assert_eq!(ids(&unknown.encode("!")), [0]);
}

#[test]
fn tells_what_it_cannot_use_of_sentence_piece() {
    let good = sentence_piece("llama", &pieces(true));
    let message = |file: Writer| tokenizer(&file).unwrap_err().to_string();
    let with = |key: &str, value: Meta<'_>| message(good.clone().meta(key, value));
    assert_eq!(
        message(good.clone().without_meta("tokenizer.ggml.scores")),
        "metadata tokenizer.ggml.scores is missing"
    );
    assert_eq!(
        with("tokenizer.ggml.scores", Meta::Floats(&[1.0])),
        "tokenizer.ggml.scores has 1 entries for 269 tokens"
    );
    let mut scores = [0.0; 269];
    scores[3] = f32::NAN;
    assert_eq!(
        with("tokenizer.ggml.scores", Meta::Floats(&scores)),
        "tokenizer.ggml.scores, entry 3: NaN is not a finite score"
    );
    assert_eq!(
        with("tokenizer.ggml.treat_whitespace_as_suffix", Meta::Bool(true)),
        "tokenizer.ggml.treat_whitespace_as_suffix is not supported"
    );
    for bad in [("<0x1>", 0.0, 6), ("<0x+1>", 0.0, 6), ("x", 0.0, 6)] {
        let file = sentence_piece("t5", &[&pieces(true)[..], &[bad]].concat());
        let text = bad.0;
        let expected =
            format!("tokenizer.ggml.tokens, entry 269: `{text}` is not a byte token, such as <0x0A>");
        assert_eq!(message(file), expected);
    }
    assert_eq!(
        message(sentence_piece("llama", &[("a", 0.0, 1), ("<s>", 0.0, 3), ("</s>", 0.0, 3)])),
        "the vocabulary has neither 256 byte tokens nor an unknown token"
    );
    for (bytes, problem) in [
        (&[1, 0, 0][..], "too short"),
        (&[1, 0, 0, 0], "the trie is longer than the table"),
        (&[1, 0, 0, 0, 9], "the trie is no list of 32-bit numbers"),
        (&[0, 0, 0, 0, 0xFF, 0], "the replacements are not UTF-8"),
    ] {
        let key = "tokenizer.ggml.precompiled_charsmap";
        assert_eq!(with(key, Meta::Bytes(bytes)), format!("{key}: {problem}"));
    }
    let wide = with("tokenizer.ggml.precompiled_charsmap", Meta::Integers(&[256]));
    assert_eq!(wide, "tokenizer.ggml.precompiled_charsmap: not a list of bytes");
}

/// Converters write types as `i32` and as `u32`, a table of normalisations as bytes of either signedness.
#[test]
fn integers_may_be_signed_or_not() {
    let good = sentence_piece("t5", &pieces(true));
    let types = pieces(true).into_iter().flat_map(|(.., kind)| (kind as u32).to_le_bytes());
    let types: Vec<u8> = [4u32.to_le_bytes().to_vec(), 269u64.to_le_bytes().to_vec()]
        .concat()
        .into_iter()
        .chain(types)
        .collect();
    let charsmap = data("charsmap-nfkc.bin");
    let signed: Vec<i32> = charsmap.iter().map(|byte| i32::from(*byte as i8)).collect();
    let text = "ａ é  a";
    let key = "tokenizer.ggml.precompiled_charsmap";
    let expected = tokenizer(&good.clone().meta(key, Meta::Bytes(&charsmap))).unwrap().encode(text);
    let other =
        good.meta("tokenizer.ggml.token_type", Meta::Raw(9, &types)).meta(key, Meta::Integers(&signed));
    assert_eq!(tokenizer(&other).unwrap().encode(text), expected);
}

#[test]
fn what_ends_is_named_by_metadata_or_well_known() {
    let marks = ["<|eot_id|>", "<|im_end|>", "<|other|>", "<|end|>"].map(str::to_owned);
    let vocabulary = [byte_vocabulary(), marks.to_vec()].concat();
    let types: Vec<i32> =
        (0..261).map(|id| if id == 0 || (257..260).contains(&id) { 3 } else { 1 }).collect();
    let file = small_llama(&vocabulary, &[]).meta("tokenizer.ggml.token_type", Meta::Integers(&types));
    let ends = |file: &Writer| -> Vec<u32> {
        let tokenizer = tokenizer(file).unwrap();
        (0..300).filter(|id| tokenizer.ends(*id)).collect()
    };
    // The last is a well-known text, but not a control token.
    assert_eq!(ends(&file), [0, 257, 258]);
    assert_eq!(ends(&file.clone().meta("tokenizer.ggml.eot_token_id", Meta::U32(259))), [0, 257, 258, 259]);
    assert_eq!(ends(&file.meta("tokenizer.ggml.eom_token_id", Meta::U32(5))), [0, 5, 257, 258]);
}

#[test]
fn begin_and_end_are_added_as_the_file_or_its_kind_says() {
    let added = |file: &Writer| {
        let tokenizer = tokenizer(file).unwrap();
        (tokenizer.adds_begin(), tokenizer.adds_end())
    };
    let gpt2 = small_llama(&byte_vocabulary(), &[]);
    assert_eq!(added(&gpt2), (false, false));
    assert_eq!(added(&gpt2.clone().meta("tokenizer.ggml.pre", Meta::Text("llama-bpe"))), (true, false));
    assert_eq!(added(&gpt2.clone().meta("tokenizer.ggml.add_bos_token", Meta::Bool(true))), (true, false));
    assert_eq!(added(&gpt2.meta("tokenizer.ggml.add_eos_token", Meta::Bool(true))), (false, true));
    let llama = sentence_piece("llama", &pieces(true));
    assert_eq!(added(&llama), (true, false));
    assert_eq!(added(&llama.without_meta("tokenizer.ggml.bos_token_id")), (false, false));
    assert_eq!(added(&sentence_piece("t5", &pieces(true))), (false, true));
}

#[test]
fn one_enormous_text_takes_no_enormous_time() {
    for (name, tokenizer) in all() {
        for text in ["a".repeat(100_000), "banana".repeat(16_000), "\u{1F600}".repeat(25_000)] {
            let tokens = tokenizer.encode(&text);
            assert_eq!(tokens.last().unwrap().range.end, text.len(), "{name}");
        }
    }
}

#[test]
fn ids_outside_the_vocabulary_are_left_out() {
    let tokenizer = &*TINY;
    assert_eq!(tokenizer.decode(&[u32::MAX, 33, 8192]), tokenizer.token_text(33));
    assert_eq!(tokenizer.bytes_of(8192), None);
    assert_eq!((tokenizer.len(), tokenizer.is_empty()), (8192, false));
    assert_eq!((tokenizer.begin(), tokenizer.end()), (Some(0), 0));
}

#[test]
fn special_tokens_are_found_whole_and_the_longest_first() {
    let marks = ["<a>", "<a><b>", "<c>", "<a"].map(str::to_owned);
    let vocabulary = [byte_vocabulary(), marks.to_vec()].concat();
    let types: Vec<i32> = (0..261)
        .map(|id| match id {
            0 | 257..=258 => 3,
            259..=260 => 4,
            _ => 1,
        })
        .collect();
    let file = small_llama(&vocabulary, &[]).meta("tokenizer.ggml.token_type", Meta::Integers(&types));
    let tokenizer = tokenizer(&file).unwrap();
    let letter = |letter: u8| 1 + u32::from(letter);
    let text = "<c>x<a><b><a>é<|endoftext|>";
    let special = [259, letter(b'x'), 258, 257, letter(0xC3), letter(0xA9), 0];
    assert_eq!(ids(&tokenizer.encode_with_special(text)), special);
    // Control tokens are text, user-defined tokens are not.
    let plain = ids(&tokenizer.encode(text));
    assert_eq!(plain[..4], [259, letter(b'x'), 260, letter(b'>')]);
    assert!(!plain.contains(&0) && !plain.contains(&257) && !plain.contains(&258));
    assert_eq!((tokenizer.decode(&special), tokenizer.decode(&plain)), (text.to_owned(), text.to_owned()));
}

/// Letters of the small vocabularies, marks, and anything else but SentencePiece's mark of a space.
fn texts() -> impl Strategy<Value = String> {
    "(\\PC|[ \n\t'a-c0-9]|  |é| \\[mark\\]|<s>|</s>|<\\|endoftext\\|>){0,60}"
        .prop_map(|text: String| text.replace('\u{2581}', ""))
}

proptest! {
    #[test]
    fn tokens_tile_the_text(text in texts()) {
        for (name, tokenizer) in all() {
            for tokens in [tokenizer.encode(&text), tokenizer.encode_with_special(&text), tokenizer.encode_continuation(&text)] {
                let mut at = 0;
                for token in &tokens {
                    prop_assert_eq!(token.range.start, at, "{}", name);
                    at = token.range.end;
                }
                prop_assert_eq!(at, text.len(), "{}", name);
            }
            prop_assert!(tokenizer.encode(&text).iter().all(|token| token.id != tokenizer.end()));
        }
    }

    #[test]
    fn decoding_gives_the_text_back(text in texts()) {
        for (name, tokenizer) in &all()[..3] {
            prop_assert_eq!(&tokenizer.decode(&ids(&tokenizer.encode(&text))), &text, "{}", name);
            prop_assert_eq!(&tokenizer.decode(&ids(&tokenizer.encode_with_special(&text))), &text, "{}", name);
            // What follows other text keeps its space.
            let tokens = ids(&tokenizer.encode_continuation(&text));
            prop_assert_eq!(&tokenizer.decode_continuation(&tokens), &text, "{}", name);
        }
    }

    #[test]
    fn decoding_bit_by_bit_equals_decoding_at_once(
        ids in proptest::collection::vec(prop_oneof![0u32..270, any::<u32>()], 0..40),
    ) {
        for (name, tokenizer) in all() {
            let mut decoder = tokenizer.continuation_decoder();
            let mut text: String = ids.iter().map(|id| decoder.push(*id)).collect();
            text.push_str(&decoder.finish());
            prop_assert_eq!(&text, &tokenizer.decode_continuation(&ids), "{}", name);
            if *name == "gpt2" {
                let bytes: Vec<u8> = ids.iter().filter_map(|id| tokenizer.bytes_of(*id)).flatten().copied().collect();
                prop_assert_eq!(&text, &String::from_utf8_lossy(&bytes), "{}", name);
            }
        }
    }
}
