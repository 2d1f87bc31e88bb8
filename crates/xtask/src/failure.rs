//! Why a chore failed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a chore failed; the text says what to do about it where that is known.
#[derive(Debug, Error)]
pub enum Failure {
    /// A command could not be started.
    #[error("cannot start `{command}`: {source}")]
    Start {
        /// The command, as one would type it.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// A command ended badly.
    #[error("this failed ({status}):\n  {command}")]
    Command {
        /// The command, as one would type it.
        command: String,
        /// Its exit status, in words.
        status: String,
    },
    /// Something that has to be installed and cannot be from here.
    #[error("{what} is missing. {how}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// How to install it by hand.
        how: String,
    },
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// wasm-bindgen refused the wasm file.
    #[error("wasm-bindgen, on {}: {problem}", path.display())]
    Bindgen {
        /// The wasm file.
        path: PathBuf,
        /// What it said.
        problem: String,
    },
    /// A check that the project makes on itself.
    #[error("{0}")]
    Check(String),
}

impl Failure {
    /// For `map_err` on file operations: names the path.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
