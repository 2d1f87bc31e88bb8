//! A pack in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::{Freshness, Source, SourceError};

/// The files of a pack that lie in memory: one that was made in a page, say. Clones are the same pack.
#[derive(Clone, Default)]
pub struct MemorySource {
    files: Arc<Mutex<BTreeMap<String, Arc<[u8]>>>>,
}

impl MemorySource {
    /// No files yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file there, in place of what was there.
    pub fn insert(&self, path: &str, bytes: &[u8]) {
        self.lock().insert(path.to_owned(), bytes.into());
    }

    /// Takes a file away.
    pub fn remove(&self, path: &str) {
        self.lock().remove(path);
    }

    /// A file's bytes, where it is there.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Arc<[u8]>> {
        self.lock().get(path).cloned()
    }

    /// The paths of all files, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<[u8]>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files in memory", self.lock().len())
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Source for MemorySource {
    async fn get(&self, path: &str, limit: u64, _: Freshness) -> Result<Vec<u8>, SourceError> {
        let file = self.file(path).ok_or(SourceError::Missing)?;
        if file.len() as u64 > limit {
            return Err(SourceError::TooLong { limit, html: false });
        }
        Ok(file.to_vec())
    }

    fn location(&self) -> &str {
        "memory"
    }
}
