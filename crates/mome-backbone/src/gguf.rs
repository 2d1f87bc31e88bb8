//! The GGUF container: typed metadata and a table of tensors over the bytes of one file.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3, little-endian.
//! Nothing in a file is trusted: every count and length is compared with the bytes that are left before
//! anything is allocated for it.

mod error;
mod reader;
mod tensors;
mod value;
mod write;

use std::collections::{BTreeMap, HashMap};

pub use error::GgufError;
use reader::Reader;
pub use tensors::TensorInfo;
use tensors::{place_tensors, read_tensor_headers};
use value::read_value;
pub use value::{Array, Value};
pub use write::{NewTensor, write_gguf};

/// What every file begins with.
const MAGIC: &[u8] = b"GGUF";

/// Where tensors are aligned to unless `general.alignment` says otherwise, in bytes.
const DEFAULT_ALIGNMENT: u64 = 32;

/// The head of a GGUF file, read and checked.
#[derive(Clone, Debug)]
pub struct Gguf {
    metadata: BTreeMap<String, Value>,
    tensors: Vec<TensorInfo>,
    tensor_index: HashMap<String, usize>,
}

impl Gguf {
    /// Reads the head of a file of `file` bytes from its first bytes. The tensors' data need not be there.
    ///
    /// # Errors
    /// [`GgufError`], which names the field, metadata key or tensor; [`GgufError::Truncated`] also where the head is
    /// longer than `bytes`.
    pub fn parse(bytes: &[u8], file: u64) -> Result<Self, GgufError> {
        let mut reader = Reader::new(bytes);
        let is_short = bytes.len() < MAGIC.len() && (bytes.len() as u64) < file;
        if !is_short && !bytes.starts_with(MAGIC) {
            return Err(GgufError::Magic);
        }
        reader.take(MAGIC.len() as u64, "the magic number")?;
        let version = reader.u32("the version")?;
        if !(2..=3).contains(&version) {
            return Err(GgufError::Version(version));
        }
        let tensor_count = reader.u64("the tensor count")?;
        let metadata_count = reader.u64("the metadata count")?;
        let metadata = read_metadata(&mut reader, metadata_count)?;
        let headers = read_tensor_headers(&mut reader, tensor_count)?;
        let alignment = alignment(&metadata)?;
        let tensors = place_tensors(headers, reader.position(), file, alignment)?;
        let mut tensor_index = HashMap::with_capacity(tensors.len());
        for (index, tensor) in tensors.iter().enumerate() {
            if tensor_index.insert(tensor.name.clone(), index).is_some() {
                return Err(GgufError::Duplicate { field: "tensor", name: tensor.name.clone() });
            }
        }
        Ok(Self { metadata, tensors, tensor_index })
    }

    /// All metadata, by key.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// All tensors, in the order of the file's table.
    #[must_use]
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The tensor of that name.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensor_index(name).and_then(|index| self.tensors.get(index))
    }

    /// The place in the table of the tensor of that name.
    #[must_use]
    pub fn tensor_index(&self, name: &str) -> Option<usize> {
        self.tensor_index.get(name).copied()
    }

    /// An integer that is not negative.
    ///
    /// # Errors
    /// [`GgufError::WrongType`].
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.typed(key, "an integer that is not negative", |value| match value {
            Value::Unsigned(number) => Some(*number),
            Value::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        })
    }

    /// A floating-point number.
    ///
    /// # Errors
    /// [`GgufError::WrongType`].
    pub fn float(&self, key: &str) -> Result<Option<f64>, GgufError> {
        self.typed(key, "a floating-point number", |value| match value {
            Value::Float(number) => Some(*number),
            _ => None,
        })
    }

    /// True or false.
    ///
    /// # Errors
    /// [`GgufError::WrongType`].
    pub fn bool(&self, key: &str) -> Result<Option<bool>, GgufError> {
        self.typed(key, "true or false", |value| match value {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        })
    }

    /// Text.
    ///
    /// # Errors
    /// [`GgufError::WrongType`].
    pub fn string(&self, key: &str) -> Result<Option<&str>, GgufError> {
        self.typed(key, "a string", |value| match value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A list of texts.
    ///
    /// # Errors
    /// [`GgufError::WrongType`].
    pub fn strings(&self, key: &str) -> Result<Option<&[String]>, GgufError> {
        self.typed(key, "a list of strings", |value| match value {
            Value::Array(Array::String(list)) => Some(list.as_slice()),
            _ => None,
        })
    }

    /// A list of signed integers.
    ///
    /// # Errors
    /// [`GgufError::WrongType`].
    pub fn integers(&self, key: &str) -> Result<Option<&[i64]>, GgufError> {
        self.typed(key, "a list of signed integers", |value| match value {
            Value::Array(Array::Signed(list)) => Some(list.as_slice()),
            _ => None,
        })
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        let Some(value) = self.metadata.get(key) else { return Ok(None) };
        match convert(value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(GgufError::WrongType { key: key.to_owned(), expected }),
        }
    }
}

fn read_metadata(reader: &mut Reader<'_>, count: u64) -> Result<BTreeMap<String, Value>, GgufError> {
    // Key length, value type, and a value of one byte.
    reader.check_count(count, 8 + 4 + 1, "the metadata")?;
    let mut metadata = BTreeMap::new();
    for _ in 0..count {
        let key = reader.string("a metadata key")?;
        let kind = reader.u32(&key)?;
        let value = read_value(reader, kind, &key)?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(GgufError::Duplicate { field: "metadata", name: key });
        }
    }
    Ok(metadata)
}

fn alignment(metadata: &BTreeMap<String, Value>) -> Result<u64, GgufError> {
    let alignment = match metadata.get("general.alignment") {
        None => DEFAULT_ALIGNMENT,
        Some(Value::Unsigned(alignment)) => *alignment,
        Some(_) => {
            let key = "general.alignment".to_owned();
            return Err(GgufError::WrongType { key, expected: "an unsigned integer" });
        }
    };
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(GgufError::Alignment(alignment));
    }
    Ok(alignment)
}
