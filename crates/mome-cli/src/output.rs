//! What commands print, and how they fail.

use std::io::{self, Write as _};
use std::path::PathBuf;

use mome::MomeError;
use mome_backbone::{ChatTemplateError, GgufError};
use mome_build::{MemorizeError, SmallReaderError, TableError};
use mome_engine::EngineError;
use mome_pack::PackError;
use mome_store::StoreError;
use serde::Serialize;
use thiserror::Error;

use crate::serve::ServeError;

/// Why a command ended without doing what it was asked.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Memorize(#[from] MemorizeError),
    #[error(transparent)]
    Mome(#[from] MomeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{file}: {error}")]
    Model {
        file: PathBuf,
        #[source]
        error: EngineError,
    },
    #[error("{file}: {error}")]
    Query {
        file: PathBuf,
        #[source]
        error: PackError,
    },
    #[error("{file}: {error}")]
    ChatTemplate {
        file: PathBuf,
        #[source]
        error: ChatTemplateError,
    },
    #[error("{0} has no chat template: leave out --chat")]
    NoChatTemplate(PathBuf),
    #[error("{file}: {error}")]
    Gguf {
        file: PathBuf,
        #[source]
        error: GgufError,
    },
    #[error("{file}: {error}")]
    File {
        file: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("the small form of the reader: {0}")]
    SmallReader(#[from] SmallReaderError),
    #[error("these tables have too few wordings to fit a gate on: facts with paraphrases are needed")]
    TooFewForAGate,
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Prints one JSON object on one line.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string(value)?)
}

/// Prints a line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// Prints a text as it is, with nothing after it.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
