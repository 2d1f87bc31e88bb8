//! What can go wrong between a question and its answer.

use mome_engine::EngineError;
use mome_pack::{Digest, PackError};
use mome_retrieval::{ReaderError, RouterError};
use mome_store::StoreError;
use thiserror::Error;

/// Why a pack could not be opened or a question not be handled. "I don't know" is no error.
#[derive(Debug, Error)]
#[non_exhaustive]
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
        #[source]
        error: PackError,
    },
    /// A model at hand is not the one that the pack was made with.
    #[error("the pack was made with the {model} {wanted}, which is not the one at hand{}", in_words(found))]
    OtherModel {
        /// Which model: `backbone`, `encoder` or `reranker`.
        model: &'static str,
        /// Digest of the pack's.
        wanted: Digest,
        /// Digest of the one at hand, where there is one and all of its file was seen.
        found: Option<Digest>,
    },
    /// The query object was made for another backbone.
    #[error("the query object of this pack does not fit its backbone: {0}")]
    Query(String),
    /// A model could not be read or run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The index could not be asked.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// A text could not be read.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// A question without a word.
    #[error("the question is empty")]
    EmptyQuestion,
    /// An alpha that is no share.
    #[error("alpha is {0}, but must lie between 0 and 1")]
    Alpha(f64),
}

fn in_words(digest: &Option<Digest>) -> String {
    digest.map_or_else(String::new, |digest| format!(", {digest}"))
}
