//! Where a pack is written to: a folder, or memory, as in a page.

use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use mome_pack::Digest;
use mome_store::{Store, StoreError};

use super::error::WriteError;

/// A place for the files of one pack, and for the journal of what is done already. Paths are relative to the pack, with
/// `/` between their parts.
pub trait Target {
    /// A file's bytes, where it is there.
    ///
    /// # Errors
    /// [`WriteError`] where it is there and cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, WriteError>;

    /// Puts a file there, whole or not at all.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be written.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WriteError>;

    /// Deletes a file.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be deleted.
    fn delete(&self, path: &str) -> Result<(), WriteError>;

    /// All objects that are there, those of earlier editions too.
    ///
    /// # Errors
    /// [`WriteError`] where they cannot be listed.
    fn objects(&self) -> Result<Vec<Digest>, WriteError>;

    /// Opens the journal, or begins one. Nobody else can have it open.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be opened.
    fn open_journal(&self) -> Result<Box<dyn JournalFile>, WriteError>;

    /// Deletes the journal, and all that is left of the target where it holds no pack.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be deleted.
    fn remove_journal(&self) -> Result<(), WriteError>;

    /// Where the journal is, for messages.
    fn journal_location(&self) -> PathBuf;

    /// The pack, to be asked.
    ///
    /// # Errors
    /// [`StoreError`] where there can be none.
    fn store(&self) -> Result<Store, StoreError>;
}

/// What a journal is kept in.
pub trait JournalFile: Read + Write + Seek {
    /// How many bytes it has.
    ///
    /// # Errors
    /// What the system reports.
    fn length(&self) -> io::Result<u64>;

    /// Cuts it off after so many bytes.
    ///
    /// # Errors
    /// What the system reports.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}
