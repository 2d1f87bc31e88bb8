//! A pack in a directory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;

use crate::{Freshness, Source, SourceError, StoreError};

/// The files of a pack in a local folder.
pub struct DirectorySource {
    folder: PathBuf,
    location: String,
}

impl DirectorySource {
    /// The pack in a folder.
    ///
    /// # Errors
    /// [`StoreError::Location`] where there is no such folder.
    pub fn new(folder: &Path) -> Result<Self, StoreError> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let location = folder.display().to_string();
        if !folder.is_dir() {
            let problem = "there is no such folder; give the one that holds mome.json".into();
            return Err(StoreError::Location { location, problem });
        }
        Ok(Self { folder: folder.into(), location })
    }
}

#[async_trait]
impl Source for DirectorySource {
    async fn get(&self, path: &str, limit: u64, _: Freshness) -> Result<Vec<u8>, SourceError> {
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(SourceError::Outside);
        }
        let file = self.folder.join(path);
        blocking::unblock(move || read(&file, limit)).await
    }

    fn location(&self) -> &str {
        &self.location
    }
}

fn read(file: &Path, limit: u64) -> Result<Vec<u8>, SourceError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SourceError::Missing,
        _ => SourceError::Transport(error.to_string()),
    };
    let mut bytes = Vec::new();
    let file = File::open(file).map_err(failed)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(SourceError::TooLong { limit, html: false });
    }
    Ok(bytes)
}
