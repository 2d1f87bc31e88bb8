//! Why a reranker cannot be trained.

use mome_backbone::{EncoderError, RerankerError};
use mome_build::TableError;
use mome_engine::EngineError;
use thiserror::Error;

/// Why a reranker cannot be trained.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// A table, or a file of contrasts, cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// There is nothing to draw pairs from.
    #[error("there is no table of facts to draw pairs from")]
    NoTables,
    /// The encoder cannot be used.
    #[error("the encoder: {0}")]
    Encoder(#[from] EncoderError),
    /// The reranker to start from cannot be used.
    #[error("the reranker to start from: {0}")]
    Reranker(#[from] RerankerError),
    /// The encoder has not so many layers.
    #[error("the reranker should begin after layer {first_layer}, but the encoder has {layers}")]
    FirstLayer {
        /// Where the reranker should begin.
        first_layer: usize,
        /// How many layers there are.
        layers: usize,
    },
    /// A tensor's data are not in the file.
    #[error("tensor {0}: its data are beyond the end of the file")]
    Tensor(String),
    /// The encoder could not be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
