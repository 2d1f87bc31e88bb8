//! Writes GGUF files, version 3.

use std::io::{self, Write};

use super::value::{Array, Value};
use super::{DEFAULT_ALIGNMENT, MAGIC};
use crate::TensorType;

/// What a file to be written says of a tensor; its data come apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTensor {
    /// Its name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// How its numbers are stored.
    pub kind: TensorType,
    /// Its dimensions, the contiguous one (columns) first.
    pub shape: Vec<usize>,
}

impl NewTensor {
    /// How many bytes its data take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.kind.row_bytes(self.shape.iter().product())
    }
}

/// Writes a whole file. `data` gives a tensor's data, [`NewTensor::bytes`] of them, the tensors in order. Numbers
/// take 32 bits where they fit, as readers elsewhere expect.
///
/// # Errors
/// What writing reports, and [`io::ErrorKind::InvalidInput`] where a tensor's data have another length.
pub fn write_gguf(
    out: &mut impl Write,
    metadata: &[(&str, Value)],
    tensors: &[NewTensor],
    mut data: impl FnMut(&NewTensor) -> Vec<u8>,
) -> io::Result<()> {
    let mut head = Head(MAGIC.to_vec());
    head.u32(3);
    head.u64(tensors.len() as u64);
    head.u64(metadata.len() as u64);
    for (key, value) in metadata {
        head.text(key);
        head.value(value);
    }
    let mut offset = 0;
    for tensor in tensors {
        head.text(&tensor.name);
        head.u32(tensor.shape.len() as u32);
        tensor.shape.iter().for_each(|dimension| head.u64(*dimension as u64));
        head.u32(tensor.kind.ggml_id());
        head.u64(offset);
        offset = (offset + tensor.bytes() as u64).next_multiple_of(DEFAULT_ALIGNMENT);
    }
    write_padded(out, &head.0)?;
    for tensor in tensors {
        let data = data(tensor);
        if data.len() != tensor.bytes() {
            let problem = format!("{}: {} bytes, not {}", tensor.name, data.len(), tensor.bytes());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        write_padded(out, &data)?;
    }
    Ok(())
}

/// Writes bytes, and zeros up to the next multiple of [`DEFAULT_ALIGNMENT`].
fn write_padded(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    const ALIGNMENT: usize = DEFAULT_ALIGNMENT as usize;
    out.write_all(bytes)?;
    out.write_all(&[0; ALIGNMENT][..bytes.len().next_multiple_of(ALIGNMENT) - bytes.len()])
}

/// Everything before the tensors' data.
struct Head(Vec<u8>);

impl Head {
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(array) => {
                self.u32(9);
                self.array(array);
            }
            Value::Unsigned(number) => self.numbers(unsigned(&[*number])),
            Value::Signed(number) => self.numbers(signed(&[*number])),
            Value::Float(number) => self.numbers(floats(&[*number])),
            Value::Bool(truth) => self.numbers((7, vec![u8::from(*truth)])),
            Value::String(text) => {
                self.u32(8);
                self.text(text);
            }
        }
    }

    fn array(&mut self, array: &Array) {
        let mut list = |length: usize, (kind, bytes): (u32, Vec<u8>)| {
            self.u32(kind);
            self.u64(length as u64);
            self.0.extend(bytes);
        };
        match array {
            Array::Unsigned(numbers) => list(numbers.len(), unsigned(numbers)),
            Array::Signed(numbers) => list(numbers.len(), signed(numbers)),
            Array::Float(numbers) => list(numbers.len(), floats(numbers)),
            Array::Bool(truths) => {
                list(truths.len(), (7, truths.iter().map(|truth| u8::from(*truth)).collect()));
            }
            Array::String(texts) => {
                list(texts.len(), (8, Vec::new()));
                texts.iter().for_each(|text| self.text(text));
            }
            Array::Array(arrays) => {
                list(arrays.len(), (9, Vec::new()));
                arrays.iter().for_each(|array| self.array(array));
            }
        }
    }

    /// A type's number, and a value of that type.
    fn numbers(&mut self, (kind, bytes): (u32, Vec<u8>)) {
        self.u32(kind);
        self.0.extend(bytes);
    }
}

/// The type that holds all of these, and their bytes.
fn unsigned(numbers: &[u64]) -> (u32, Vec<u8>) {
    match numbers.iter().map(|number| u32::try_from(*number)).collect::<Result<Vec<u32>, _>>() {
        Ok(numbers) => (4, numbers.into_iter().flat_map(u32::to_le_bytes).collect()),
        Err(_) => (10, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
    }
}

fn signed(numbers: &[i64]) -> (u32, Vec<u8>) {
    match numbers.iter().map(|number| i32::try_from(*number)).collect::<Result<Vec<i32>, _>>() {
        Ok(numbers) => (5, numbers.into_iter().flat_map(i32::to_le_bytes).collect()),
        Err(_) => (11, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
    }
}

fn floats(numbers: &[f64]) -> (u32, Vec<u8>) {
    if numbers.iter().all(|number| number.is_nan() || f64::from(*number as f32) == *number) {
        (6, numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect())
    } else {
        (12, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Gguf;

    fn written(metadata: &[(&str, Value)], tensors: &[NewTensor]) -> Vec<u8> {
        let mut file = Vec::new();
        write_gguf(&mut file, metadata, tensors, |tensor| vec![7; tensor.bytes()]).unwrap();
        file
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let array = prop_oneof![
            prop::collection::vec(any::<u64>(), 0..4).prop_map(Array::Unsigned),
            prop::collection::vec(-9i64..9, 1..4).prop_map(Array::Signed),
            prop::collection::vec(any::<i64>(), 1..4).prop_map(Array::Signed),
            prop::collection::vec(-9.0f64..9.0, 1..4).prop_map(Array::Float),
            prop::collection::vec(any::<bool>(), 0..4).prop_map(Array::Bool),
            prop::collection::vec("\\PC{0,9}", 0..4).prop_map(Array::String),
        ];
        prop_oneof![
            any::<u64>().prop_map(Value::Unsigned),
            any::<i64>().prop_map(Value::Signed),
            any::<f32>().prop_map(|number| Value::Float(if number.is_nan() { 0.0 } else { number.into() })),
            (-1e9f64..1e9).prop_map(Value::Float),
            any::<bool>().prop_map(Value::Bool),
            "\\PC{0,20}".prop_map(Value::String),
            array.clone().prop_map(Value::Array),
            prop::collection::vec(array, 0..3).prop_map(|arrays| Value::Array(Array::Array(arrays))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            values in prop::collection::vec(any_value(), 0..6),
            shapes in prop::collection::vec((0usize..3, 1usize..5), 0..5),
        ) {
            let keys: Vec<String> = (0..values.len()).map(|place| format!("key.{place}")).collect();
            let metadata: Vec<(&str, Value)> = keys.iter().map(String::as_str).zip(values.clone()).collect();
            let tensor = |(place, (kind, rows)): (usize, &(usize, usize))| NewTensor {
                name: format!("tensor.{place}"),
                kind: [TensorType::F32, TensorType::Q8_0, TensorType::Q4_0][*kind],
                shape: vec![32, *rows],
            };
            let tensors: Vec<NewTensor> = shapes.iter().enumerate().map(tensor).collect();
            let file = written(&metadata, &tensors);
            let gguf = Gguf::parse(&file, file.len() as u64).unwrap();
            let read: Vec<(&str, &Value)> = gguf.metadata().collect();
            prop_assert_eq!(read, metadata.iter().map(|(key, value)| (*key, value)).collect::<Vec<_>>());
            prop_assert_eq!(gguf.tensors().len(), tensors.len());
            for (read, written) in gguf.tensors().iter().zip(&tensors) {
                prop_assert_eq!((&read.name, read.kind), (&written.name, written.kind));
                prop_assert_eq!((read.rows(), read.columns()), (written.shape[1], 32));
                let data = &file[read.range.start as usize..read.range.end as usize];
                prop_assert_eq!(data, vec![7; written.bytes()]);
            }
        }
    }

    #[test]
    fn data_of_another_length_are_refused() {
        let tensor = NewTensor { name: "t".to_owned(), kind: TensorType::F32, shape: vec![3] };
        let failed = write_gguf(&mut Vec::new(), &[], &[tensor], |_| vec![0; 11]).unwrap_err();
        assert_eq!(failed.to_string(), "t: 11 bytes, not 12");
    }
}
