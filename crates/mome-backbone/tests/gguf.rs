//! The container: what is read from a good file, and what a bad one is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Meta, Writer, byte_vocabulary, parse, small_llama, tiny};
use mome_backbone::{Array, Backbone, GgufError, TensorType, Value};
use proptest::prelude::*;

fn error_of(writer: &Writer) -> String {
    parse(&writer.bytes()).unwrap_err().to_string()
}

#[test]
fn reads_the_default_backbone() {
    let gguf = parse(&tiny()).unwrap();
    assert_eq!(gguf.string("general.name").unwrap(), Some("Mome Tiny"));
    assert_eq!(gguf.unsigned("llama.block_count").unwrap(), Some(6));
    assert_eq!(gguf.bool("tokenizer.ggml.add_bos_token").unwrap(), Some(true));
    assert_eq!(gguf.strings("tokenizer.ggml.tokens").unwrap().unwrap().len(), 8192);
    assert_eq!(gguf.integers("tokenizer.ggml.token_type").unwrap().unwrap()[..2], [3, 1]);
    assert_eq!(gguf.unsigned("no.such.key").unwrap(), None);
    assert_eq!(gguf.tensors().len(), 56);
    let down = gguf.tensor("blk.5.ffn_down.weight").unwrap();
    assert_eq!((down.kind, &down.shape[..]), (TensorType::Q8_0, &[768, 256][..]));
    assert_eq!(down.bytes(), 768 * 256 / 32 * 34);
}

#[test]
fn reads_values_of_every_type() {
    let floats =
        [6u32.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec(), 0.5f32.to_le_bytes().to_vec()].concat();
    let nested = [9u32.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec(), floats.clone()].concat();
    let file = Writer::default()
        .meta("u8", Meta::Raw(0, &[200]))
        .meta("i8", Meta::Raw(1, &[200]))
        .meta("u16", Meta::Raw(2, &[1, 2]))
        .meta("i16", Meta::Raw(3, &[0, 128]))
        .meta("i32", Meta::Raw(5, &[255; 4]))
        .meta("f64", Meta::Raw(12, &2.5f64.to_le_bytes()))
        .meta("i64", Meta::Raw(11, &[255; 8]))
        .meta("u64", Meta::Raw(10, &[255; 8]))
        .meta("floats", Meta::Raw(9, &floats))
        .meta("nested", Meta::Raw(9, &nested))
        .bytes();
    let gguf = parse(&file).unwrap();
    let value = |key: &str| gguf.metadata().find(|(other, _)| *other == key).unwrap().1.clone();
    assert_eq!(value("u8"), Value::Unsigned(200));
    assert_eq!(value("i8"), Value::Signed(-56));
    assert_eq!(value("u16"), Value::Unsigned(513));
    assert_eq!(value("i16"), Value::Signed(-32768));
    assert_eq!(value("i32"), Value::Signed(-1));
    assert_eq!(value("f64"), Value::Float(2.5));
    assert_eq!(value("i64"), Value::Signed(-1));
    assert_eq!(value("u64"), Value::Unsigned(u64::MAX));
    assert_eq!(value("floats"), Value::Array(Array::Float(vec![0.5])));
    assert_eq!(value("nested"), Value::Array(Array::Array(vec![Array::Float(vec![0.5])])));
    assert_eq!(value("nested").to_string(), "[1 lists]");
    let wrong = gguf.string("f64").unwrap_err().to_string();
    assert_eq!(wrong, "metadata f64 should be a string");
}

#[test]
fn refuses_what_is_not_gguf() {
    assert_eq!(parse(b"").unwrap_err(), GgufError::Magic);
    assert_eq!(parse(b"<!doctype html>").unwrap_err(), GgufError::Magic);
    let mut bytes = Writer::default().bytes();
    bytes[4] = 1;
    assert_eq!(parse(&bytes).unwrap_err(), GgufError::Version(1));
    bytes[4..8].copy_from_slice(&3u32.to_be_bytes());
    assert_eq!(parse(&bytes).unwrap_err(), GgufError::Version(3 << 24));
}

#[test]
fn refuses_absurd_counts_before_it_allocates() {
    for at in [8, 16] {
        let mut bytes = small_llama(&byte_vocabulary(), &[]).bytes();
        bytes[at..at + 8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
        assert!(matches!(parse(&bytes), Err(GgufError::Truncated { .. })), "count at {at}");
    }
    for kind in [0u32, 7, 8, 9, 12] {
        let array = [kind.to_le_bytes().to_vec(), (1u64 << 60).to_le_bytes().to_vec()].concat();
        let message = error_of(&Writer::default().meta("long.list", Meta::Raw(9, &array)));
        assert!(message.contains("cut off: long.list needs"), "{message}");
    }
    let message = error_of(&Writer::default().meta("long.text", Meta::Raw(8, &u64::MAX.to_le_bytes())));
    assert!(message.contains("cut off: long.text needs"), "{message}");
}

#[test]
fn names_the_metadata_that_is_wrong() {
    let text = [3u64.to_le_bytes().to_vec(), vec![b'a', 0xFF, b'b']].concat();
    assert_eq!(error_of(&Writer::default().meta("some.text", Meta::Raw(8, &text))), "some.text is not UTF-8");
    let message = error_of(&Writer::default().meta("odd.value", Meta::Raw(13, &[])));
    assert_eq!(message, "metadata odd.value has the unknown value type 13");
    let twice = Writer::default().meta("same", Meta::U32(1)).meta_again("same", Meta::U32(2));
    assert_eq!(error_of(&twice), "metadata same occurs twice");
    let mut deep = [0u32.to_le_bytes().to_vec(), 0u64.to_le_bytes().to_vec()].concat();
    for _ in 0..8 {
        deep = [9u32.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec(), deep].concat();
    }
    let message = error_of(&Writer::default().meta("deep", Meta::Raw(9, &deep)));
    assert_eq!(message, "metadata deep nests arrays more than 4 deep");
    let message = error_of(&Writer::default().meta("general.alignment", Meta::U32(48)));
    assert_eq!(message, "general.alignment is 48, which is not a usable power of two");
}

#[test]
fn names_the_tensor_that_is_wrong() {
    let row =
        |kind, shape: &[u64], bytes| Writer::default().tensor("some.weight", kind, shape, vec![0; bytes]);
    assert_eq!(
        error_of(&row(18, &[256], 98)),
        "tensor some.weight has type IQ3_XXS (number 18), which is not supported; supported are F32, F16, BF16, \
         Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL"
    );
    let message = error_of(&row(8, &[40, 2], 85));
    assert_eq!(message, "tensor some.weight: rows of 40 are not whole blocks of 32 (Q8_0)");
    assert!(error_of(&row(0, &[4, 0], 0)).contains("has a dimension of 0"));
    assert!(error_of(&row(0, &[1 << 40, 1 << 40], 0)).contains("is absurdly large"));
    assert!(error_of(&row(0, &[1; 5], 4)).contains("it has 5 dimensions"));
    assert!(error_of(&row(0, &[], 4)).contains("it has 0 dimensions"));
    assert!(error_of(&row(0, &[64], 32)).contains("some.weight: its 256 bytes at offset 0 are not within"));
    assert!(error_of(&row(0, &[8], 32).at_offset(u64::MAX - 31)).contains("not within the file"));
    assert!(error_of(&row(0, &[2], 64).at_offset(4)).contains("not aligned"));
    let two = |second: &str| row(0, &[16], 64).tensor(second, 0, &[16], vec![0; 64]);
    assert_eq!(error_of(&two("some.weight")), "tensor some.weight occurs twice");
    assert_eq!(error_of(&two("other").at_offset(32)), "tensors some.weight and other overlap");
}

proptest! {
    #[test]
    fn truncation_is_an_error(cut in 0usize..) {
        let file = small_llama(&byte_vocabulary(), &[]).bytes();
        let cut = cut % file.len();
        prop_assert!(Backbone::from_bytes(&file[..cut]).is_err());
    }

    #[test]
    fn flipped_bytes_never_panic(flips in proptest::collection::vec((0usize.., 1u8..), 1..8)) {
        let mut file = small_llama(&byte_vocabulary(), &[]).bytes();
        // The head is what is parsed; the zeros after it are only measured.
        let head = file.len() - byte_vocabulary().len() * 32;
        for (at, flip) in flips {
            file[at % head] ^= flip;
        }
        let _ = Backbone::from_bytes(&file);
    }
}
