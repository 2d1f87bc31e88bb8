//! WordPiece: any text with any vocabulary and normalisation, and what an encoder is given of it.

#![no_main]

#[path = "../../crates/mome-backbone/tests/common/mod.rs"]
mod common;

use common::{Meta, ids, parse, tokenizer, word_piece};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mome_backbone::EncoderFrame;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    lowercase: Option<bool>,
    strip_accents: Option<bool>,
    pieces: Vec<(&'a str, bool, u8)>,
    text: &'a str,
    other: &'a str,
    limit: u16,
}

fuzz_target!(|input: Input<'_>| {
    let marked: Vec<String> = input
        .pieces
        .iter()
        .map(|(text, begins, _)| if *begins { format!("\u{2581}{text}") } else { (*text).to_owned() })
        .collect();
    let mut pieces = vec![("[UNK]", 2), ("[CLS]", 3), ("[SEP]", 3)];
    // Mostly types that make sense, so that most vocabularies can be used.
    pieces.extend(marked.iter().zip(&input.pieces).map(|(text, (.., kind))| match kind {
        0..240 => (text.as_str(), [1, 1, 1, 1, 3, 4][usize::from(*kind) % 6]),
        _ => (text.as_str(), i32::from(*kind) - 240),
    }));
    let flags = [("lowercase", input.lowercase), ("strip_accents", input.strip_accents)];
    let file = flags.into_iter().fold(word_piece(&pieces), |file, (name, flag)| match flag {
        Some(truth) => file.meta(&format!("tokenizer.ggml.normalizer.{name}"), Meta::Bool(truth)),
        None => file,
    });
    let Ok(tokenizer) = tokenizer(&file) else { return };

    let tokens = tokenizer.encode(input.text);
    let mut before = 0..0;
    for token in &tokens {
        assert!((token.id as usize) < tokenizer.len());
        assert!(token.range.start >= before.start && token.range.end >= before.end);
        assert!(input.text.get(token.range.clone()).is_some_and(|part| !part.is_empty()));
        before = token.range.clone();
    }
    assert_eq!(tokenizer.encode(input.text), tokens);
    let _ = tokenizer.encode_with_special(input.text);
    let _ = tokenizer.decode(&ids(&tokens));

    let frame = EncoderFrame::read(&parse(&file.bytes()).unwrap(), &tokenizer).unwrap();
    let (first, second) = (ids(&tokens), ids(&tokenizer.encode(input.other)));
    let limit = usize::from(input.limit);
    let pair = frame.pair(&first, &second, limit);
    assert!(pair.ids.len() <= limit.max(3));
    assert_eq!(pair.ids.len() - 3 + pair.cut, first.len() + second.len());
    assert!(frame.single(&first, limit).ids.len() <= limit.max(2));
});
