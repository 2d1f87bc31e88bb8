//! Dequantisation against the values of an independent implementation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::data;
use mome_backbone::TensorType;
use serde_json::Value;

#[test]
fn blocks_equal_the_oracle() {
    let oracle: Value = serde_json::from_slice(&data("blocks.json")).unwrap();
    for kind in [TensorType::Q8_0, TensorType::Q4_0] {
        let case = &oracle[kind.name()];
        let expected: Vec<f32> = serde_json::from_value(case["dequantised"].clone()).unwrap();
        let bytes = data(case["file"].as_str().unwrap());
        let columns = case["cols"].as_u64().unwrap() as usize;
        assert_eq!(bytes.len(), kind.row_bytes(columns) * case["rows"].as_u64().unwrap() as usize);
        let mut values = vec![0.0; expected.len()];
        kind.dequantize(&bytes, &mut values);
        for (at, (value, expected)) in values.iter().zip(&expected).enumerate() {
            // The oracle is written with some six digits.
            assert!(
                (value - expected).abs() <= 1e-5 * expected.abs().max(1.0),
                "{kind:?} {at}: {value} {expected}"
            );
        }
    }
}

#[test]
fn halves_and_singles_are_exact() {
    let values: Vec<f32> = (0..200).map(|n| (n as f32 - 100.0) * 0.125).collect();
    let singles: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let halves: Vec<u8> = values.iter().flat_map(|value| half::f16::from_f32(*value).to_le_bytes()).collect();
    for (kind, bytes) in [(TensorType::F32, singles), (TensorType::F16, halves)] {
        let mut read = vec![f32::NAN; values.len()];
        kind.dequantize(&bytes, &mut read);
        assert_eq!(read, values, "{kind:?}");
    }
}

#[test]
fn stops_with_the_shorter_of_bytes_and_room() {
    for kind in TensorType::SUPPORTED {
        let bytes = vec![1; kind.block_bytes() * 6];
        let mut room = vec![f32::NAN; kind.block_len() * 4];
        kind.dequantize(&bytes, &mut room);
        assert!(room.iter().all(|value| !value.is_nan()), "{kind:?}");
        let mut room = vec![f32::NAN; kind.block_len() * 8];
        kind.dequantize(&bytes, &mut room);
        assert!(room[..kind.block_len() * 6].iter().all(|value| !value.is_nan()), "{kind:?}");
        assert!(room[kind.block_len() * 6..].iter().all(|value| value.is_nan()), "{kind:?}");
    }
}
