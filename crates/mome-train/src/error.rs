//! Why no pack was made, or changed.

use mome::MomeError;
use mome_pack::PackError;
use mome_store::StoreError;
use thiserror::Error;

use crate::write::WriteError;

/// Why no pack was made, or changed.
#[derive(Debug, Error)]
pub enum MemorizeError {
    /// An alpha that is no share.
    #[error("alpha is {0}, but must lie between 0 and 1")]
    Alpha(f64),
    /// Not one fact could be memorised.
    #[error("no fact could be memorised; {}", first_of(.0))]
    Nothing(
        /// Ids of the facts, with the reason.
        Vec<(String, String)>,
    ),
    /// The backbone could not be run, or the finished pack not be asked.
    #[error(transparent)]
    Mome(#[from] MomeError),
    /// The finished pack could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object could not be written in the pack's format.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// What the selector scored could not be noted in the journal, or read there.
    #[error("the journal: {0}")]
    Json(#[from] serde_json::Error),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn first_of(failed: &[(String, String)]) -> String {
    let first = failed.first().map(|(id, problem)| format!("the first, {id}: {problem}"));
    first.unwrap_or_else(|| "there is none".to_owned())
}
