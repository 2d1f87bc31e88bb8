//! What can go wrong between a question and its answer.

use mome_engine::EngineError;
use mome_pack::{Digest, PackError};
use mome_store::StoreError;
use thiserror::Error;

/// Why a pack could not be opened or a question not be handled. "I don't know" is no error.
#[derive(Debug, Error)]
pub enum MomeError {
    /// An object could not be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object of the pack cannot be read.
    #[error("{name}: {error}")]
    Object {
        /// The object's path within the pack.
        name: String,
        /// What is wrong with it.
        error: PackError,
    },
    /// The backbone at hand is not the one that the pack was made with.
    #[error("the pack was made with the backbone {wanted}, which is not the one at hand{}", in_words(found))]
    OtherBackbone {
        /// Digest of the pack's backbone.
        wanted: Digest,
        /// Digest of the backbone at hand, where all of its file was seen.
        found: Option<Digest>,
    },
    /// The selector does not fit the backbone.
    #[error("the selector of this pack does not fit its backbone: {0}")]
    Selector(String),
    /// The backbone could not be read or run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A question without a word.
    #[error("the question is empty")]
    EmptyQuestion,
    /// A question longer than the backbone can read.
    #[error("the question has {tokens} tokens, but the backbone reads at most {context}: ask a shorter one")]
    QuestionTooLong {
        /// Its tokens, frame included.
        tokens: usize,
        /// How many fit.
        context: usize,
    },
    /// An alpha that is no share.
    #[error("alpha is {0}, but must lie between 0 and 1")]
    Alpha(f64),
}

fn in_words(digest: &Option<Digest>) -> String {
    digest.map_or_else(String::new, |digest| format!(", {digest}"))
}
