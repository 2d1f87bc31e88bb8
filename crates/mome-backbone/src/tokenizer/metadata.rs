//! Metadata lists as converters write them: integers of either signedness, numbers that must be finite.

use super::TokenizerError;
use crate::{Array, Gguf, GgufError, Value};

/// The error of a key that must be there and is not.
pub(super) fn missing(key: &str) -> GgufError {
    GgufError::Missing(key.to_owned())
}

/// A list of integers, signed or not. What does not fit becomes `i64::MAX`.
pub(super) fn integers(gguf: &Gguf, key: &'static str) -> Result<Option<Vec<i64>>, TokenizerError> {
    match array(gguf, key) {
        None => Ok(None),
        Some(Array::Signed(list)) => Ok(Some(list.clone())),
        Some(Array::Unsigned(list)) => {
            Ok(Some(list.iter().map(|number| i64::try_from(*number).unwrap_or(i64::MAX)).collect()))
        }
        Some(_) => Err(wrong_type(key, "a list of integers")),
    }
}

/// `tokenizer.ggml.scores`: one finite number a token.
pub(super) fn scores(gguf: &Gguf, tokens: usize) -> Result<Vec<f32>, TokenizerError> {
    let key = "tokenizer.ggml.scores";
    let list = match array(gguf, key) {
        None => return Err(missing(key).into()),
        Some(Array::Float(list)) => list,
        Some(_) => return Err(wrong_type(key, "a list of floating-point numbers")),
    };
    check_length(key, list.len(), tokens)?;
    let finite = |(index, score): (usize, &f64)| {
        // Adding 0 turns -0 into 0: the two are to compare as equal.
        let narrow = *score as f32 + 0.0;
        if narrow.is_finite() { Ok(narrow) } else { Err(TokenizerError::Score { index, score: *score }) }
    };
    list.iter().enumerate().map(finite).collect()
}

/// Refuses a list of another length than the vocabulary.
pub(super) fn check_length(key: &'static str, entries: usize, tokens: usize) -> Result<(), TokenizerError> {
    if entries == tokens { Ok(()) } else { Err(TokenizerError::Length { key, entries, tokens }) }
}

/// The id of a special token, where the file names one.
pub(super) fn special(gguf: &Gguf, key: &'static str, tokens: usize) -> Result<Option<u32>, TokenizerError> {
    match gguf.unsigned(key)? {
        Some(id) if id >= tokens as u64 => Err(TokenizerError::Special { key, id }),
        id => Ok(id.map(|id| id as u32)),
    }
}

/// The array at `key`; a value that is no array counts as an empty list of truth values, which every caller
/// refuses as of the wrong type.
fn array<'a>(gguf: &'a Gguf, key: &str) -> Option<&'a Array> {
    const NO_ARRAY: &Array = &Array::Bool(Vec::new());
    let (_, value) = gguf.metadata().find(|(other, _)| *other == key)?;
    Some(if let Value::Array(array) = value { array } else { NO_ARRAY })
}

fn wrong_type(key: &str, expected: &'static str) -> TokenizerError {
    GgufError::WrongType { key: key.to_owned(), expected }.into()
}
