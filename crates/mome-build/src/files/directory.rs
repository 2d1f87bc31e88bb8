//! A pack in a folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use mome_pack::Digest;
use mome_store::{Store, StoreError};

use super::error::WriteError;
use super::target::{JournalFile, Target};

/// Where a file is written before it is whole. Who stops in between leaves one such file, not many.
const PARTIAL: &str = "writing.partial";

/// Name of the file that a run which was stopped goes on from.
const JOURNAL: &str = "memorising.partial";

/// A folder that holds a pack, or will. It is made when the first file is written.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// The folder at this path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.into())
    }
}

impl Target for Directory {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, WriteError> {
        let path = self.0.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(WriteError::new(&path, error)),
        }
    }

    /// Writes beside the file and then renames, so that nobody sees half of it.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = self.0.join(path);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.0))?;
            let partial = self.0.join(PARTIAL);
            let mut file = File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(partial, &path)
        };
        write().map_err(|error| WriteError::new(&path, error))
    }

    fn delete(&self, path: &str) -> Result<(), WriteError> {
        let path = self.0.join(path);
        fs::remove_file(&path).map_err(|error| WriteError::new(&path, error))
    }

    fn objects(&self) -> Result<Vec<Digest>, WriteError> {
        let mut objects = Vec::new();
        for folder in entries(&self.0.join("objects"))? {
            let name = |file: PathBuf| file.file_name()?.to_str()?.parse::<Digest>().ok();
            objects.extend(entries(&folder)?.into_iter().filter_map(name));
        }
        Ok(objects)
    }

    fn open_journal(&self) -> Result<Box<dyn JournalFile>, WriteError> {
        let path = self.journal_location();
        let open = || {
            fs::create_dir_all(&self.0)?;
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
            file.try_lock().map_err(|error| match error {
                TryLockError::Error(error) => error,
                TryLockError::WouldBlock => {
                    io::Error::new(ErrorKind::WouldBlock, "another process is writing to this pack")
                }
            })?;
            Ok(Box::new(file) as Box<dyn JournalFile>)
        };
        open().map_err(|error| WriteError::new(&path, error))
    }

    fn remove_journal(&self) -> Result<(), WriteError> {
        self.delete(JOURNAL)?;
        // This fails where the folder holds a pack, as it should.
        let _ = fs::remove_dir(&self.0);
        Ok(())
    }

    fn journal_location(&self) -> PathBuf {
        self.0.join(JOURNAL)
    }

    fn store(&self) -> Result<Store, StoreError> {
        #[cfg(not(target_arch = "wasm32"))]
        return Store::of_directory(&self.0);
        #[cfg(target_arch = "wasm32")]
        Err(StoreError::Location {
            location: self.0.display().to_string(),
            problem: "there are no folders in a page".to_owned(),
        })
    }
}

impl JournalFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// What lies in a folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>();
    list().map_err(|error| WriteError::new(folder, error))
}
