//! The special tokens around what an encoder reads. Cutting is as in Hugging Face tokenizers,
//! `longest_first`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, Writer, parse, sentence_piece, tokenizer, word_piece};
use mome_backbone::EncoderFrame;
use proptest::prelude::*;

fn frame(file: &Writer) -> EncoderFrame {
    EncoderFrame::read(&parse(&file.bytes()).unwrap(), &tokenizer(file).unwrap()).unwrap()
}

/// `[CLS]` is 1, `[SEP]` 2; two types.
fn bert() -> EncoderFrame {
    frame(
        &word_piece(&[("[UNK]", 2), ("[CLS]", 3), ("[SEP]", 3)])
            .meta("tokenizer.ggml.token_type_count", Meta::U32(2)),
    )
}

/// `<s>` is 1, `</s>` 2; one type.
fn xlm_roberta() -> EncoderFrame {
    frame(&sentence_piece("t5", &[("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]))
}

#[test]
fn a_text_has_a_token_before_and_one_behind_it() {
    for frame in [bert(), xlm_roberta()] {
        let input = frame.single(&[7, 8, 9], 5);
        assert_eq!((input.ids, input.texts), (vec![1, 7, 8, 9, 2], [1..4, 4..4]));
        assert_eq!((input.types_from, input.cut), (5, 0));
        let input = frame.single(&[7, 8, 9], 4);
        assert_eq!((input.ids, input.texts, input.cut), (vec![1, 7, 8, 2], [1..3, 3..3], 1));
        assert_eq!(frame.single(&[], 512).ids, [1, 2]);
    }
}

#[test]
fn a_pair_has_one_separator_in_bert_and_two_in_xlm_roberta() {
    let input = bert().pair(&[7, 8], &[9], 512);
    assert_eq!((input.ids, input.texts), (vec![1, 7, 8, 2, 9, 2], [1..3, 4..5]));
    assert_eq!((input.types_from, input.cut), (4, 0));
    let input = xlm_roberta().pair(&[7, 8], &[9], 512);
    assert_eq!((input.ids, input.texts), (vec![1, 7, 8, 2, 2, 9, 2], [1..3, 5..6]));
    assert_eq!((input.types_from, input.cut), (7, 0));
}

#[test]
fn the_longer_text_is_cut_first() {
    let kept = |first: usize, second: usize, limit| {
        let input = bert().pair(&vec![7; first], &vec![9; second], limit);
        (input.texts.map(|text| text.len()), input.cut)
    };
    assert_eq!(kept(2, 9, 10), ([2, 5], 4));
    assert_eq!(kept(9, 2, 10), ([5, 2], 4));
    // An odd token goes to the longer one, or to the second of equals.
    assert_eq!(kept(9, 8, 10), ([4, 3], 10));
    assert_eq!(kept(8, 9, 10), ([3, 4], 10));
    assert_eq!(kept(8, 8, 10), ([3, 4], 9));
}

proptest! {
    #[test]
    fn special_tokens_stay_and_the_rest_fits(
        first in proptest::collection::vec(3u32..9, 0..20),
        second in proptest::collection::vec(3u32..9, 0..20),
        limit in 0usize..50,
    ) {
        for (frame, special) in [(bert(), 3), (xlm_roberta(), 4)] {
            let input = frame.pair(&first, &second, limit);
            let kept = input.texts.clone().map(|text| &input.ids[text]);
            prop_assert!(first.starts_with(kept[0]) && second.starts_with(kept[1]));
            prop_assert_eq!(input.ids.len(), special + kept[0].len() + kept[1].len());
            prop_assert_eq!(input.cut, first.len() + second.len() - kept[0].len() - kept[1].len());
            prop_assert!(input.ids.len() <= limit.max(special));
            prop_assert!(input.cut == 0 || input.ids.len() == limit.max(special));
            let one = frame.single(&first, limit);
            prop_assert!(one.ids.len() <= limit.max(2));
            prop_assert_eq!(one.cut, first.len() - one.texts[0].len());
        }
    }
}
