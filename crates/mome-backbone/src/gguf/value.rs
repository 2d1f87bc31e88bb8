//! Metadata values.

use std::fmt;

use super::error::{GgufError, MAX_NESTING};
use super::reader::Reader;

/// A metadata value. Integers and floats of all widths are held in the widest.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An unsigned integer.
    Unsigned(u64),
    /// A signed integer.
    Signed(i64),
    /// A floating-point number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    String(String),
    /// A list of values of one type.
    Array(Array),
}

/// A list of metadata values of one type.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Unsigned integers.
    Unsigned(Vec<u64>),
    /// Signed integers.
    Signed(Vec<i64>),
    /// Floating-point numbers.
    Float(Vec<f64>),
    /// Truth values.
    Bool(Vec<bool>),
    /// Texts.
    String(Vec<String>),
    /// Lists.
    Array(Vec<Array>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::String(value) => write!(f, "{value}"),
            Self::Array(array) => write!(f, "{array}"),
        }
    }
}

/// Says what is in the list and how much of it: vocabularies are too long to print.
impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, what) = match self {
            Self::Unsigned(list) => (list.len(), "unsigned integers"),
            Self::Signed(list) => (list.len(), "integers"),
            Self::Float(list) => (list.len(), "numbers"),
            Self::Bool(list) => (list.len(), "truth values"),
            Self::String(list) => (list.len(), "strings"),
            Self::Array(list) => (list.len(), "lists"),
        };
        write!(f, "[{count} {what}]")
    }
}

/// Reads a value of the type with that number; `key` is for messages.
pub(super) fn read_value(reader: &mut Reader<'_>, kind: u32, key: &str) -> Result<Value, GgufError> {
    Ok(match kind {
        0 => Value::Unsigned(reader.array::<1>(key)?[0].into()),
        1 => Value::Signed(i8::from_le_bytes(reader.array(key)?).into()),
        2 => Value::Unsigned(u16::from_le_bytes(reader.array(key)?).into()),
        3 => Value::Signed(i16::from_le_bytes(reader.array(key)?).into()),
        4 => Value::Unsigned(reader.u32(key)?.into()),
        5 => Value::Signed(i32::from_le_bytes(reader.array(key)?).into()),
        6 => Value::Float(f32::from_le_bytes(reader.array(key)?).into()),
        7 => Value::Bool(reader.array::<1>(key)?[0] != 0),
        8 => Value::String(reader.string(key)?),
        9 => Value::Array(read_array(reader, key, MAX_NESTING)?),
        10 => Value::Unsigned(reader.u64(key)?),
        11 => Value::Signed(i64::from_le_bytes(reader.array(key)?)),
        12 => Value::Float(f64::from_le_bytes(reader.array(key)?)),
        id => return Err(GgufError::ValueType { key: key.to_owned(), id }),
    })
}

fn read_array(reader: &mut Reader<'_>, key: &str, nesting: u32) -> Result<Array, GgufError> {
    let kind = reader.u32(key)?;
    let count = reader.u64(key)?;
    Ok(match kind {
        0 => Array::Unsigned(reader.list(count, key, |[byte]: [u8; 1]| byte.into())?),
        1 => Array::Signed(reader.list(count, key, |bytes| i8::from_le_bytes(bytes).into())?),
        2 => Array::Unsigned(reader.list(count, key, |bytes| u16::from_le_bytes(bytes).into())?),
        3 => Array::Signed(reader.list(count, key, |bytes| i16::from_le_bytes(bytes).into())?),
        4 => Array::Unsigned(reader.list(count, key, |bytes| u32::from_le_bytes(bytes).into())?),
        5 => Array::Signed(reader.list(count, key, |bytes| i32::from_le_bytes(bytes).into())?),
        6 => Array::Float(reader.list(count, key, |bytes| f32::from_le_bytes(bytes).into())?),
        7 => Array::Bool(reader.list(count, key, |[byte]: [u8; 1]| byte != 0)?),
        8 => {
            reader.check_count(count, 8, key)?;
            Array::String((0..count).map(|_| reader.string(key)).collect::<Result<_, _>>()?)
        }
        9 if nesting > 1 => {
            reader.check_count(count, 4 + 8, key)?;
            Array::Array((0..count).map(|_| read_array(reader, key, nesting - 1)).collect::<Result<_, _>>()?)
        }
        9 => return Err(GgufError::Nesting { key: key.to_owned() }),
        10 => Array::Unsigned(reader.list(count, key, u64::from_le_bytes)?),
        11 => Array::Signed(reader.list(count, key, i64::from_le_bytes)?),
        12 => Array::Float(reader.list(count, key, f64::from_le_bytes)?),
        id => return Err(GgufError::ValueType { key: key.to_owned(), id }),
    })
}
