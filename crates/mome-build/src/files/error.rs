//! What keeps a pack's files from being written.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file or folder of a pack that cannot be read or written.
#[derive(Debug, Error)]
#[error("{path}: {error}")]
pub struct WriteError {
    path: PathBuf,
    #[source]
    error: std::io::Error,
}

impl WriteError {
    pub(crate) fn new(path: &Path, error: std::io::Error) -> Self {
        Self { path: path.into(), error }
    }
}
