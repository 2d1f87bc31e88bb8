//! Why the bench could not go on.

use std::io;
use std::path::PathBuf;

use mome_backbone::EncoderError;
use mome_engine::EngineError;
use thiserror::Error;

/// Why something could not be measured or written.
#[derive(Debug, Error)]
pub enum Failure {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The reader's encoder cannot be used.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// What this program was told to measure cannot be read.
    #[error("not a job to measure: {0}")]
    Job(#[from] serde_json::Error),
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program that measures or prepares could not be started, or ended badly.
    #[error("{program}: {problem}")]
    Program {
        /// Its name.
        program: String,
        /// What happened.
        problem: String,
    },
    /// The page that results are to be written to has no place for them.
    #[error("{}: the lines `{begin}` and `{end}` are missing, between which the results go", path.display())]
    Markers {
        /// The page.
        path: PathBuf,
        /// The line before the results.
        begin: &'static str,
        /// The line after the results.
        end: &'static str,
    },
}

impl Failure {
    /// For `map_err` on file operations: names the path.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
