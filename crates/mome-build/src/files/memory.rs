//! A pack in memory.

use std::io::{self, Cursor};
use std::path::PathBuf;

use mome_pack::Digest;
use mome_store::{MemorySource, Store, StoreError};

use super::error::WriteError;
use super::target::{JournalFile, Target};

/// A pack that lies in memory, as in a page. What is memorized anew goes on from nothing: there is no journal that outlives
/// the run.
#[derive(Clone, Debug, Default)]
pub struct Memory(MemorySource);

impl Memory {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The pack's files.
    #[must_use]
    pub fn files(&self) -> &MemorySource {
        &self.0
    }
}

impl Target for Memory {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, WriteError> {
        Ok(self.0.file(path).map(|bytes| bytes.to_vec()))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.insert(path, bytes);
        Ok(())
    }

    fn delete(&self, path: &str) -> Result<(), WriteError> {
        self.0.remove(path);
        Ok(())
    }

    fn objects(&self) -> Result<Vec<Digest>, WriteError> {
        let name = |path: String| path.strip_prefix("objects/")?.rsplit('/').next()?.parse().ok();
        Ok(self.0.paths().into_iter().filter_map(name).collect())
    }

    fn open_journal(&self) -> Result<Box<dyn JournalFile>, WriteError> {
        Ok(Box::new(Cursor::new(Vec::new())))
    }

    fn remove_journal(&self) -> Result<(), WriteError> {
        Ok(())
    }

    fn journal_location(&self) -> PathBuf {
        "memory".into()
    }

    fn store(&self) -> Result<Store, StoreError> {
        Ok(Store::new(self.0.clone()))
    }
}

impl JournalFile for Cursor<Vec<u8>> {
    fn length(&self) -> io::Result<u64> {
        Ok(self.get_ref().len() as u64)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.get_mut().truncate(length as usize);
        Ok(())
    }
}
