//! Dequantisation against the values of an independent implementation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::data;
use half::{bf16, f16};
use mome_backbone::TensorType;
use serde_json::Value;

/// All of them but those that are floats as they stand.
fn quantized() -> impl Iterator<Item = TensorType> {
    TensorType::SUPPORTED.into_iter().filter(|kind| kind.block_len() > 1)
}

#[test]
fn blocks_equal_the_oracle() {
    let oracle: Value = serde_json::from_slice(&data("blocks.json")).unwrap();
    assert_eq!(oracle.as_object().unwrap().len(), quantized().count());
    for kind in quantized() {
        let case = &oracle[kind.name()];
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let numbers = |key: &str| serde_json::from_value::<Vec<f32>>(case[key].clone()).unwrap();
        let (rows, columns) = (size("rows"), size("cols"));
        assert_eq!(kind.block_len(), size("block_elements"), "{kind:?}");
        assert_eq!(kind.block_bytes(), size("block_bytes"), "{kind:?}");
        let bytes = data(case["file"].as_str().unwrap());
        assert_eq!(bytes.len(), kind.row_bytes(columns) * rows, "{kind:?}");
        let mut values = vec![0.0; rows * columns];
        kind.dequantize(&bytes, &mut values);
        for (at, (value, expected)) in values.iter().zip(numbers("dequantised")).enumerate() {
            // The oracle is written with some six digits.
            assert!(
                (value - expected).abs() <= 1e-5 * expected.abs().max(1.0),
                "{kind:?} {at}: {value} {expected}"
            );
        }
        let vector = numbers("vector");
        for (row, expected) in values.chunks(columns).zip(numbers("matvec")) {
            let products = row.iter().zip(&vector).map(|(a, b)| f64::from(*a) * f64::from(*b));
            let (sum, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
            assert!((sum - f64::from(expected)).abs() <= 1e-5 * size, "{kind:?}: {sum} {expected}");
        }
    }
}

#[test]
fn floats_are_exact() {
    let values: Vec<f32> = (0..200).map(|n| (n as f32 - 100.0) * 0.125).collect();
    let singles: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let halves: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
    let brains: Vec<u8> = values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
    for (kind, bytes) in [(TensorType::F32, singles), (TensorType::F16, halves), (TensorType::BF16, brains)] {
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

/// Whatever the bytes, scales of infinity or no number included, something comes out.
#[test]
fn all_bytes_are_data() {
    for kind in TensorType::SUPPORTED {
        for byte in 0..=255 {
            let mut room = vec![0.5; kind.block_len() * 2];
            kind.dequantize(&vec![byte; kind.block_bytes() * 2], &mut room);
        }
        let mut room = vec![0.5; kind.block_len()];
        kind.dequantize(&vec![255; kind.block_bytes()], &mut room);
        assert!(room.iter().all(|value| value.is_nan()), "{kind:?}");
    }
}
