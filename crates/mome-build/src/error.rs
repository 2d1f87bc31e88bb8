//! Why no pack was made, or changed.

use mome::MomeError;
use mome_engine::EngineError;
use mome_pack::PackError;
use mome_retrieval::{ReaderError, RouterError};
use mome_store::StoreError;
use thiserror::Error;

use crate::files::WriteError;

/// Why no pack was made, or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
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
    /// A fact answers a question that another fact of the pack answers differently.
    #[error("`{coming}` and `{there}`, which is in the pack, answer one question differently: {question}")]
    TwoAnswers {
        /// The question.
        question: String,
        /// Id of the new fact.
        coming: String,
        /// Id of the fact in the pack.
        there: String,
    },
    /// The new version of a fact could not be memorised, so that the pack keeps all as it was.
    #[error("the pack is left as it is, since a fact of it cannot be replaced: {id}: {problem}")]
    Edit {
        /// The fact's id.
        id: String,
        /// Why it failed.
        problem: String,
    },
    /// Facts that are to be forgotten but are not there.
    #[error("the pack is left as it is, since it has no {}", in_words(.0))]
    NotThere(Vec<String>),
    /// The pack is not the one that was opened any more.
    #[error("another process published an edition of this pack meanwhile; run the command again")]
    ChangedMeanwhile,
    /// A question with an answer longer than the backbone can read.
    #[error("question and answer have {tokens} tokens, but the backbone reads at most {context}")]
    TooLong {
        /// Their tokens, frame included.
        tokens: usize,
        /// How many fit.
        context: usize,
    },
    /// A model could not be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The index could not be asked.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// A wording could not be read.
    #[error(transparent)]
    Reader(#[from] ReaderError),
    /// The finished pack could not be asked.
    #[error(transparent)]
    Mome(#[from] MomeError),
    /// The finished pack could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object could not be written in the pack's format.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn first_of(failed: &[(String, String)]) -> String {
    let first = failed.first().map(|(id, problem)| format!("the first, {id}: {problem}"));
    first.unwrap_or_else(|| "there is none".to_owned())
}

fn in_words(ids: &[String]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}
