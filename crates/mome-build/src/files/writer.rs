//! Writing of a pack to a directory: objects first, the manifest last, each file whole or not at all.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use mome_pack::{Digest, Envelope, Link, Manifest, Root};

use super::error::WriteError;
use crate::MemorizeError;

/// Name of the manifest's file.
const MANIFEST: &str = "mome.json";

/// Where a file is written before it is whole. Who stops in between leaves one such file, not many.
const PARTIAL: &str = "writing.partial";

/// A pack's directory.
pub(crate) struct PackWriter {
    directory: PathBuf,
}

/// The objects of one edition of a pack.
pub(crate) struct Objects(HashSet<Link>);

impl PackWriter {
    /// Writes to `directory`, which is made where it does not exist.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.into() }
    }

    /// Puts an object into the pack. One that is already there is left alone.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be written.
    pub(crate) fn object(&self, bytes: &[u8]) -> Result<Link, WriteError> {
        let link = Link::to(bytes);
        let path = self.directory.join(link.digest.path());
        if !fs::read(&path).is_ok_and(|there| there == bytes) {
            self.write_whole(&path, bytes)?;
        }
        Ok(link)
    }

    /// Puts the manifest in place, as the next edition of the pack that lies there: from here on the directory is a
    /// pack of this edition. Where nothing changed the manifest that lies there stays, with its signatures.
    ///
    /// # Errors
    /// [`MemorizeError::Pack`] or [`MemorizeError::Write`] where it cannot be written.
    pub(crate) fn publish(&self, manifest: Manifest) -> Result<Manifest, MemorizeError> {
        let there = self.edition_there().and_then(|there| Manifest::from_json(&there.payload).ok());
        let manifest = match there.filter(|there| there.pack == manifest.pack) {
            Some(there) => {
                let same = Manifest { sequence: there.sequence, created: there.created, ..manifest.clone() };
                if same == there {
                    return Ok(there);
                }
                Manifest { sequence: there.sequence + 1, ..manifest }
            }
            None => manifest,
        };
        self.write_whole(&self.directory.join(MANIFEST), &manifest.encode()?)?;
        Ok(manifest)
    }

    /// The objects in the directory that this edition does not have.
    ///
    /// # Errors
    /// [`WriteError`] where the directory cannot be read.
    pub(crate) fn outdated(&self, edition: &Objects) -> Result<Vec<PathBuf>, WriteError> {
        let kept: HashSet<PathBuf> =
            edition.0.iter().map(|link| self.directory.join(link.digest.path())).collect();
        let name = |file: &Path| file.file_name()?.to_str()?.parse::<Digest>().ok();
        let mut outdated = Vec::new();
        for folder in entries(&self.directory.join("objects"))? {
            let objects = entries(&folder)?.into_iter().filter(|file| name(file).is_some());
            outdated.extend(objects.filter(|file| !kept.contains(file)));
        }
        Ok(outdated)
    }

    /// Deletes files.
    ///
    /// # Errors
    /// [`WriteError`] where one cannot be deleted.
    pub(crate) fn delete(&self, files: &[PathBuf]) -> Result<(), WriteError> {
        files.iter().try_for_each(|file| fs::remove_file(file).map_err(|error| WriteError::new(file, error)))
    }

    /// The manifest that lies in the directory, in its envelope.
    pub(crate) fn edition_there(&self) -> Option<Envelope> {
        Envelope::decode(&fs::read(self.directory.join(MANIFEST)).ok()?).ok()
    }

    /// Writes beside the target and then renames, so that nobody sees half a file.
    fn write_whole(&self, path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.directory))?;
            let partial = self.directory.join(PARTIAL);
            let mut file = fs::File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(partial, path)
        };
        write().map_err(|error| WriteError::new(path, error))
    }
}

impl Objects {
    /// All that the manifest and its root page lead to.
    pub(crate) fn of(manifest: &Manifest, root: &Root) -> Self {
        Self(manifest.links().chain(root.lists.iter().map(|list| list.shard)).collect())
    }

    /// How many they are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Their bytes together.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|link| link.length).sum()
    }
}

/// What lies in a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>();
    list().map_err(|error| WriteError::new(folder, error))
}

/// The time stamp of a pack: `SOURCE_DATE_EPOCH` where it is set (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub(crate) fn seconds_since_1970() -> u64 {
    let set = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|epoch| epoch.parse().ok());
    set.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
