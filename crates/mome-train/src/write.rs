//! Writing of a pack to a directory: objects first, the manifest last, each file whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mome_pack::{Link, Manifest};
use thiserror::Error;

/// Name of the manifest's file.
const MANIFEST: &str = "mome.json";

/// A file or folder of a pack that cannot be read or written.
#[derive(Debug, Error)]
#[error("{path}: {error}")]
pub struct WriteError {
    path: PathBuf,
    error: std::io::Error,
}

/// A pack's directory, and what has been put there.
pub struct PackWriter {
    directory: PathBuf,
    links: Vec<Link>,
}

impl PackWriter {
    /// Writes to `directory`, which is made where it does not exist.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.into(), links: Vec::new() }
    }

    /// The manifest that lies in the directory, if it is one that this build reads.
    #[must_use]
    pub fn edition_there(&self) -> Option<Manifest> {
        Manifest::decode(&fs::read(self.directory.join(MANIFEST)).ok()?).ok()
    }

    /// Puts an object into the pack. One that is already there is left alone.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be written.
    pub fn object(&mut self, bytes: &[u8]) -> Result<Link, WriteError> {
        let link = Link::to(bytes);
        let path = self.directory.join(link.digest.path());
        if !self.links.contains(&link) {
            self.links.push(link);
        }
        let there = fs::read(&path).is_ok_and(|there| there == bytes);
        if !there {
            write_whole(&path, bytes)?;
        }
        Ok(link)
    }

    /// Puts the manifest in place: from here on the directory is a pack of this edition.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be written.
    pub fn manifest(&self, bytes: &[u8]) -> Result<(), WriteError> {
        write_whole(&self.directory.join(MANIFEST), bytes)
    }

    /// How many objects the pack has, and their bytes together.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        (self.links.len() as u64, self.links.iter().map(|link| link.length).sum())
    }
}

/// Writes beside the target and then renames, so that nobody sees half a file.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let partial = path.with_extension("partial");
        let mut file = fs::File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(partial, path)
    };
    write().map_err(|error| WriteError { path: path.into(), error })
}
