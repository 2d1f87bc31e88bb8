//! Why a model cannot be run as its metadata describe it.

use thiserror::Error;

use crate::GgufError;
use crate::architecture::Architecture;

/// Why a backbone cannot be run as its metadata describe it.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Metadata that are missing or of the wrong type.
    #[error(transparent)]
    Metadata(#[from] GgufError),
    /// An architecture that the engine does not know.
    #[error("architecture {name} is not supported; supported are {}", Architecture::names())]
    Architecture {
        /// What the file calls it.
        name: String,
    },
    /// A number that makes no sense.
    #[error("metadata {key} is {value}: {problem}")]
    Value {
        /// The metadata key.
        key: String,
        /// What it says.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A variation of the architecture that would be computed wrongly.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A tensor that is missing, has another shape than the architecture says, or is not part of it.
    #[error("tensor {name}: {problem}")]
    Tensor {
        /// Its name in the file.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}
