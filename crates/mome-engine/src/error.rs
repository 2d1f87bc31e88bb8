//! What can go wrong while running a model.

use mome_backbone::{BackboneError, EncoderError, RerankerError};
use thiserror::Error;

/// Why a model could not be loaded or run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file that cannot be used as a backbone.
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    /// A file that cannot be used as an encoder.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A file that cannot be used as a reranker, or not with this encoder.
    #[error(transparent)]
    Reranker(#[from] RerankerError),
    /// A file of another length than was said.
    #[error("the model's file has {found} bytes, not {expected}")]
    Length {
        /// How many bytes it was to have.
        expected: u64,
        /// How many came.
        found: u64,
    },
    /// A file that does not come to its tensors.
    #[error("the head of the model's file is longer than {0} bytes")]
    Head(usize),
    /// More tokens than the sequence or the model's context holds.
    #[error("{tokens} tokens do not fit: the context holds {capacity}")]
    TooLong {
        /// How many tokens there would be.
        tokens: usize,
        /// How many there may be.
        capacity: usize,
    },
    /// A text without tokens: there is nothing to pool.
    #[error("text {text} of the batch has no tokens")]
    Empty {
        /// Which text of the batch, from 0.
        text: usize,
    },
    /// Pairs are to be judged where only an encoder was opened.
    #[error("no reranker was opened with the encoder")]
    NoReranker,
    /// A token id outside the vocabulary.
    #[error("token {token} is not in the vocabulary of {vocabulary}")]
    Token {
        /// The id.
        token: u32,
        /// The size of the vocabulary.
        vocabulary: usize,
    },
    /// The head asks for positions that the sequence no longer holds.
    #[error("the head wants {rows} rows, but only {available} positions are at hand")]
    Rows {
        /// How many were asked for.
        rows: usize,
        /// How many there are.
        available: usize,
    },
    /// Layers whose states were asked for but do not exist.
    #[error("there is no layer {layer}: the model has {layers} blocks")]
    Layer {
        /// The layer asked for.
        layer: usize,
        /// How many blocks there are.
        layers: usize,
    },
    /// Memory that does not fit the backbone or the kernels.
    #[error("memory: {0}")]
    Memory(String),
    /// A tensor that is missing or has another shape than the architecture says.
    #[error("tensor {name}: {problem}")]
    Tensor {
        /// Its name in the GGUF.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No usable GPU; the text says why.
    #[error("no GPU can be used: {0}")]
    NoGpu(String),
    /// The GPU failed while it ran.
    #[error("the GPU failed: {0}")]
    Gpu(String),
}
