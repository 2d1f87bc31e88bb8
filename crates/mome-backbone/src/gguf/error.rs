//! What can be wrong with a GGUF file.

use thiserror::Error;

use crate::TensorType;
use crate::tensor_type::ggml_name;

/// How deep arrays of arrays may go.
pub(super) const MAX_NESTING: u32 = 4;

/// Why bytes are not a GGUF file that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file does not begin as GGUF files do.
    #[error("not a GGUF file: it does not begin with `GGUF`")]
    Magic,
    /// A version, or a byte order, that is not supported.
    #[error("GGUF version {0} is not supported (2 and 3 are, little-endian)")]
    Version(u32),
    /// The file ends too early.
    #[error("the GGUF file is cut off: {field} needs {needed} bytes, {left} are left")]
    Truncated {
        /// What was being read.
        field: String,
        /// The least number of bytes it takes.
        needed: u64,
        /// The number of bytes that are left.
        left: u64,
    },
    /// A string that is not UTF-8.
    #[error("{field} is not UTF-8")]
    Utf8 {
        /// What was being read.
        field: String,
    },
    /// A metadata value of a type that GGUF does not have.
    #[error("metadata {key} has the unknown value type {id}")]
    ValueType {
        /// The metadata key.
        key: String,
        /// The type's number.
        id: u32,
    },
    /// Arrays within arrays within arrays.
    #[error("metadata {key} nests arrays more than {MAX_NESTING} deep")]
    Nesting {
        /// The metadata key.
        key: String,
    },
    /// A metadata key or a tensor name that occurs twice.
    #[error("{field} {name} occurs twice")]
    Duplicate {
        /// `metadata` or `tensor`.
        field: &'static str,
        /// The key or name.
        name: String,
    },
    /// Metadata that is needed and not there.
    #[error("metadata {0} is missing")]
    Missing(String),
    /// Metadata of another type than expected.
    #[error("metadata {key} should be {expected}")]
    WrongType {
        /// The metadata key.
        key: String,
        /// What it should be, in words.
        expected: &'static str,
    },
    /// `general.alignment` that is not a power of two, or absurdly large.
    #[error("general.alignment is {0}, which is not a usable power of two")]
    Alignment(u64),
    /// A tensor whose numbers are stored in a way that is not supported.
    #[error("tensor {tensor} has type {} (number {id}), which is not supported; supported are {}",
        ggml_name(*id), supported_types())]
    TensorType {
        /// Its name.
        tensor: String,
        /// The number of its type.
        id: u32,
    },
    /// A tensor whose dimensions make no sense.
    #[error("tensor {tensor}: {problem}")]
    Shape {
        /// Its name.
        tensor: String,
        /// What is wrong with its dimensions.
        problem: String,
    },
    /// A tensor whose data do not lie within the file.
    #[error("tensor {tensor}: its {bytes} bytes at offset {offset} are not within the file or not aligned")]
    Offset {
        /// Its name.
        tensor: String,
        /// Where it says it begins, from the start of the data.
        offset: u64,
        /// How long it is.
        bytes: u64,
    },
    /// Two tensors that share bytes.
    #[error("tensors {first} and {second} overlap")]
    Overlap {
        /// The one that begins first.
        first: String,
        /// The other.
        second: String,
    },
}

fn supported_types() -> String {
    TensorType::SUPPORTED.map(TensorType::name).join(", ")
}
