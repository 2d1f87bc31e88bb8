//! What can be wrong with the bytes of a pack.

use thiserror::Error;

/// Why bytes are not the object they should be.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PackError {
    /// The bytes end before the field does.
    #[error("{object}: the bytes end within {field}")]
    Truncated {
        /// What was being read.
        object: &'static str,
        /// The field that is cut off.
        field: &'static str,
    },
    /// The bytes go on after the last field.
    #[error("{object}: {count} bytes too many")]
    Trailing {
        /// What was being read.
        object: &'static str,
        /// How many bytes are left over.
        count: usize,
    },
    /// Another kind of object, or no object of a pack at all.
    #[error("{object}: these bytes are something else")]
    Magic {
        /// What was expected.
        object: &'static str,
    },
    /// A version that this build does not read.
    #[error("{object}: version {version} is not one that this build of Mome reads; a newer build may")]
    Version {
        /// What was being read.
        object: &'static str,
        /// The version found.
        version: u32,
    },
    /// A pack of an earlier format.
    #[error(
        "this pack is of format {version}, which this build of Mome no longer reads: memorise its table of facts again"
    )]
    Outdated {
        /// The version found.
        version: u32,
    },
    /// A field whose value cannot be.
    #[error("{object}: {field} {problem}")]
    Field {
        /// What was being read or written.
        object: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl PackError {
    /// JSON that cannot be read.
    pub(crate) fn json(object: &'static str, error: &serde_json::Error) -> Self {
        Self::field(object, "JSON", format!("cannot be read: {error}"))
    }

    /// A field whose value cannot be.
    pub(crate) fn field(object: &'static str, field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { object, field, problem: problem.into() }
    }
}
