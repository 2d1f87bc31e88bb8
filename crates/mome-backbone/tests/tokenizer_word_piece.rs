//! WordPiece against Hugging Face's, and what must hold for any text.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::ops::Range;
use std::sync::LazyLock;

use common::{Meta, Writer, data, ids, minilm, parse, tokenizer, word_piece};
use mome_backbone::{EncoderFrame, Tokenizer};
use proptest::prelude::*;
use serde_json::Value;

static MINILM: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::read(&parse(&minilm()).unwrap()).unwrap());

/// Where the characters of a text begin, and where it ends.
fn starts(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

#[test]
fn equals_the_oracle() {
    let oracle: Vec<Value> = serde_json::from_slice(&data("word-piece.json")).unwrap();
    assert_eq!(oracle.len(), 20);
    let gguf = parse(&minilm()).unwrap();
    let frame = EncoderFrame::read(&gguf, &MINILM).unwrap();
    for case in oracle {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        let offsets: Vec<[usize; 2]> = serde_json::from_value(case["offsets_chars"].clone()).unwrap();
        let tokens = MINILM.encode(text);
        let input = frame.single(&ids(&tokens), 512);
        assert_eq!(input.ids, expected, "{text:?}");
        let starts = starts(text);
        let spans: Vec<Range<usize>> =
            offsets[input.texts[0].clone()].iter().map(|[from, to]| starts[*from]..starts[*to]).collect();
        assert_eq!(tokens.into_iter().map(|token| token.range).collect::<Vec<_>>(), spans, "{text:?}");
    }
}

#[test]
fn special_tokens_are_those_of_the_file() {
    let tokenizer = &*MINILM;
    assert_eq!((tokenizer.cls(), tokenizer.sep(), tokenizer.padding()), (Some(101), 102, Some(0)));
    assert_eq!((tokenizer.adds_begin(), tokenizer.adds_end(), tokenizer.len()), (true, true, 30_522));
    // Text that spells them is text, and so is the name of an unused place.
    for text in ["[CLS]", "[unused5]", "[MASK]"] {
        assert!(tokenizer.encode(text).iter().all(|token| token.id > 103), "{text}");
    }
    assert_eq!(ids(&tokenizer.encode_with_special("[CLS] a [SEP]")), [101, 1037, 102]);
}

#[test]
fn decodes_with_spaces_between_words() {
    let tokens = ids(&MINILM.encode("Unbelievableness is  preposterous!"));
    assert_eq!(MINILM.decode(&tokens), "unbelievableness is preposterous !");
    assert_eq!(MINILM.token_text(1037), " a");
}

const TOKENS: [(&str, i32); 12] = [
    ("[PAD]", 3),
    ("[UNK]", 2),
    ("[CLS]", 3),
    ("[SEP]", 3),
    ("▁a", 1),
    ("▁ab", 1),
    ("b", 1),
    ("c", 1),
    ("▁Ab", 1),
    ("▁é", 1),
    ("▁e", 1),
    ("▁", 1),
];

fn encode(file: &Writer, text: &str) -> Vec<(u32, Range<usize>)> {
    let tokens = tokenizer(file).unwrap().encode(text);
    tokens.into_iter().map(|token| (token.id, token.range)).collect()
}

#[test]
fn a_word_is_cut_from_the_front_into_the_longest_pieces() {
    let file = word_piece(&TOKENS);
    assert_eq!(encode(&file, "abc"), [(5, 0..2), (7, 2..3)]);
    // A word that does not come out even is unknown as a whole, and so is one that no piece begins.
    assert_eq!(encode(&file, "a abcx a"), [(4, 0..1), (1, 2..6), (4, 7..8)]);
    assert_eq!(encode(&file, "ba"), [(1, 0..2)]);
    // The mark of a word alone is no piece of one.
    assert_eq!(encode(&file, "cc ▁"), [(1, 0..2), (1, 3..6)]);
    assert_eq!(encode(&file, ""), []);
}

#[test]
fn a_word_of_more_than_100_characters_is_unknown() {
    let file = word_piece(&TOKENS);
    let word = format!("a{}", "b".repeat(99));
    assert_eq!(encode(&file, &word).len(), 99);
    assert_eq!(encode(&file, &format!("{word}b")), [(1, 0..101)]);
}

/// A file may say that case or accents stay; where only the first is said, accents go with it.
#[test]
fn case_and_accents_go_unless_the_file_says_otherwise() {
    let plain = word_piece(&TOKENS);
    let said = |file: Writer, key: &str, truth| {
        file.meta(&format!("tokenizer.ggml.normalizer.{key}"), Meta::Bool(truth))
    };
    let cased = said(plain.clone(), "lowercase", false);
    let text = "Ab É é";
    assert_eq!(encode(&plain, text), [(5, 0..2), (10, 3..5), (10, 6..8)]);
    assert_eq!(encode(&cased, text), [(8, 0..2), (1, 3..5), (9, 6..8)]);
    assert_eq!(encode(&said(cased, "strip_accents", true), text), [(8, 0..2), (1, 3..5), (10, 6..8)]);
    assert_eq!(encode(&said(plain, "strip_accents", false), text), [(5, 0..2), (9, 3..5), (9, 6..8)]);
}

#[test]
fn special_tokens_without_metadata_are_found_by_name() {
    let found = |file: &Writer| {
        let tokenizer = tokenizer(file).unwrap();
        let unknown = ids(&tokenizer.encode("x"))[0];
        (tokenizer.cls(), tokenizer.sep(), tokenizer.end(), tokenizer.padding(), unknown)
    };
    let file = word_piece(&TOKENS);
    assert_eq!(found(&file), (Some(2), 3, 3, Some(0), 1));
    // Some converters mark them as the beginnings of words, and as normal.
    let marked = TOKENS.map(|(text, kind)| match kind {
        1 => (text.to_owned(), 1),
        _ => (format!("▁{text}"), 1),
    });
    let marked: Vec<(&str, i32)> = marked.iter().map(|(text, kind)| (text.as_str(), *kind)).collect();
    assert_eq!(found(&word_piece(&marked)), (Some(2), 3, 3, Some(0), 1));
    let named = |key: &str, id| file.clone().meta(&format!("tokenizer.ggml.{key}_token_id"), Meta::U32(id));
    assert_eq!(found(&named("cls", 4)), (Some(4), 3, 3, Some(0), 1));
    assert_eq!(found(&named("seperator", 4)), (Some(2), 4, 4, Some(0), 1));
    assert_eq!(found(&named("unknown", 4)), (Some(2), 3, 3, Some(0), 4));
}

#[test]
fn tells_what_it_cannot_use() {
    let message = |tokens: &[(&str, i32)]| tokenizer(&word_piece(tokens)).unwrap_err().to_string();
    assert_eq!(message(&[("▁a", 1), ("[SEP]", 3)]), "the vocabulary has no unknown token");
    assert_eq!(message(&[("▁a", 1), ("[UNK]", 2)]), "metadata tokenizer.ggml.eos_token_id is missing");
    let file = word_piece(&[("[UNK]", 2), ("[SEP]", 3)]);
    let error = EncoderFrame::read(&parse(&file.bytes()).unwrap(), &tokenizer(&file).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "metadata tokenizer.ggml.cls_token_id is missing");
    for key in ["unknown", "cls", "seperator", "padding"] {
        let key = format!("tokenizer.ggml.{key}_token_id");
        let error = tokenizer(&word_piece(&TOKENS).meta(&key, Meta::U32(12))).unwrap_err();
        assert_eq!(error.to_string(), format!("metadata {key} is 12, which is not a token"));
    }
}

#[test]
fn one_enormous_text_takes_no_enormous_time() {
    for text in ["a".repeat(1_000_000), "banana ".repeat(50_000), "\u{1F600}".repeat(100_000)] {
        let tokens = MINILM.encode(&text);
        assert_eq!(tokens.last().unwrap().range.end, text.trim_end().len());
    }
}

/// Any characters, and more often those that the normalisation treats apart.
fn texts() -> impl Strategy<Value = String> {
    "(\\PC|\\pC|\\pM|[ \n\t'a-cA-C0-9.-]|[漢字가각]|\\[CLS\\]|e\u{301}|ﬁ|İ){0,60}"
}

proptest! {
    #[test]
    fn tokens_lie_within_the_text_in_order(text in texts()) {
        let tokens = MINILM.encode(&text);
        let mut before = 0..0;
        for token in &tokens {
            prop_assert!(text.get(token.range.clone()).is_some_and(|part| !part.is_empty()), "{:?}", token);
            prop_assert!(token.range.start >= before.start && token.range.end >= before.end, "{:?}", token);
            prop_assert!((token.id as usize) < MINILM.len());
            before = token.range.clone();
        }
        prop_assert_eq!(MINILM.encode(&text), tokens);
    }

    /// Case, a character's composition and the kind of space change no token.
    #[test]
    fn what_is_normalized_away_changes_nothing(text in "[a-zéüñ .!]{0,40}") {
        let plain = ids(&MINILM.encode(&text));
        let accents = [("é", "e\u{301}"), ("ü", "U\u{308}"), ("ñ", "\u{200B}Ñ"), (" ", "\u{A0}\n")];
        let other = accents.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
        prop_assert_eq!(&ids(&MINILM.encode(&other)), &plain);
        prop_assert_eq!(&ids(&MINILM.encode(&text.to_uppercase())), &plain);
    }
}
