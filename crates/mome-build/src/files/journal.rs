//! What is done already, in a file that outlives the process: a run that was stopped goes on where it was.
//!
//! The file is a header and then records, each under a name: a digest of what it was made from. A record is written in
//! one piece at the end and is checked when it is read, so that one that was cut off is as good as none.

use std::collections::HashMap;
use std::io::{self, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};

use mome_pack::Digest;

use super::error::WriteError;
use super::target::{JournalFile, Target};

/// Magic, version, and the digest of all that its records depend on.
const HEADER: usize = 8 + 32;
const MAGIC: [u8; 8] = *b"MMJL\x01\0\0\0";

/// What stands before a record's bytes: their length, the digest of name and bytes, the name.
const RECORD_HEAD: usize = 4 + 32 + 32;

/// Records in a file, found by their names. The file is nobody else's as long as this lives.
pub(crate) struct Journal<'a> {
    target: &'a dyn Target,
    file: Box<dyn JournalFile>,
    /// Where the next record goes.
    end: u64,
    records: HashMap<Digest, Place>,
}

/// Where a record lies in its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    offset: u64,
    length: u32,
}

impl<'a> Journal<'a> {
    /// Opens the journal of `target`, or begins one. Records that were made from something else than `made_from` are
    /// dropped, and so is what follows a damaged one.
    ///
    /// # Errors
    /// [`WriteError`] where the file cannot be read or written, or another process has it open.
    pub(crate) fn open(target: &'a dyn Target, made_from: Digest) -> Result<Self, WriteError> {
        let file = target.open_journal()?;
        let mut journal = Self { target, file, end: HEADER as u64, records: HashMap::new() };
        let read = journal.read_all(made_from);
        read.map_err(|error| journal.failed(error))?;
        Ok(journal)
    }

    /// The record of this name, if there is one.
    pub(crate) fn find(&self, name: Digest) -> Option<Place> {
        self.records.get(&name).copied()
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be written.
    pub(crate) fn put(&mut self, name: Digest, bytes: &[u8]) -> Result<Place, WriteError> {
        let place = self.append(name, bytes).map_err(|error| self.failed(error))?;
        self.records.insert(name, place);
        Ok(place)
    }

    /// The bytes of a record.
    ///
    /// # Errors
    /// [`WriteError`] where they cannot be read.
    pub(crate) fn get(&mut self, place: Place) -> Result<Vec<u8>, WriteError> {
        let mut bytes = vec![0; place.length as usize];
        let mut read = || {
            self.file.seek(SeekFrom::Start(place.offset))?;
            self.file.read_exact(&mut bytes)
        };
        read().map_err(|error| self.failed(error))?;
        Ok(bytes)
    }

    /// Deletes the file.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be deleted.
    pub(crate) fn remove(self) -> Result<(), WriteError> {
        self.target.remove_journal()
    }

    /// The journal cannot be read or written.
    fn failed(&self, error: io::Error) -> WriteError {
        WriteError::new(&self.target.journal_location(), error)
    }

    fn append(&mut self, name: Digest, bytes: &[u8]) -> io::Result<Place> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let record = [&length.to_le_bytes()[..], &checksum(name, bytes).0, &name.0, bytes].concat();
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&record)?;
        let place = Place { offset: self.end + RECORD_HEAD as u64, length };
        self.end += record.len() as u64;
        Ok(place)
    }

    /// Notes the records that are there, up to the first that is damaged, and cuts off the rest.
    fn read_all(&mut self, made_from: Digest) -> io::Result<()> {
        let length = self.file.length()?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(&mut self.file);
        let header = [&MAGIC[..], &made_from.0].concat();
        if read_exactly::<HEADER>(&mut reader)?.is_none_or(|found| found[..] != header) {
            self.file.cut(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            return self.file.write_all(&header);
        }
        while let Some(head) = read_exactly::<RECORD_HEAD>(&mut reader)? {
            let [a, b, c, d, ..] = head;
            let place =
                Place { offset: self.end + RECORD_HEAD as u64, length: u32::from_le_bytes([a, b, c, d]) };
            if u64::from(place.length) > length - place.offset {
                break;
            }
            let mut bytes = vec![0; place.length as usize];
            reader.read_exact(&mut bytes)?;
            let mut name = Digest([0; 32]);
            name.0.copy_from_slice(&head[36..]);
            if checksum(name, &bytes).0 != head[4..36] {
                break;
            }
            self.records.insert(name, place);
            self.end = place.offset + u64::from(place.length);
        }
        self.file.cut(self.end)
    }
}

fn checksum(name: Digest, bytes: &[u8]) -> Digest {
    Digest::of(&[&name.0[..], bytes].concat())
}

/// The next bytes; `None` where there are not so many.
fn read_exactly<const N: usize>(reader: &mut impl io::Read) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use std::fs::{self, OpenOptions};
    use std::path::PathBuf;

    use super::super::{Directory, Memory};
    use super::*;

    fn name(number: usize) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    /// A journal of these records, closed again.
    fn written(directory: &TempDir, records: &[Vec<u8>]) -> (Directory, PathBuf) {
        let folder = directory.path().join("folder");
        let target = Directory::new(&folder);
        let mut journal = Journal::open(&target, name(99)).unwrap();
        for (number, record) in records.iter().enumerate() {
            journal.put(name(number), record).unwrap();
        }
        drop(journal);
        (target, folder.join("memorising.partial"))
    }

    /// How many records are there, from the first on, each as it was written.
    fn whole(journal: &mut Journal<'_>, records: &[Vec<u8>]) -> usize {
        let there = (0..records.len()).map_while(|number| journal.find(name(number)));
        let there: Vec<Place> = there.collect();
        for (place, record) in there.iter().zip(records) {
            assert_eq!(&journal.get(*place).unwrap(), record);
        }
        assert_eq!(journal.records.len(), there.len());
        there.len()
    }

    fn some_records() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_was_cut_off_is_dropped_and_the_rest_goes_on(records in some_records(), cut in any::<prop::sample::Index>()) {
            let directory = TempDir::new().unwrap();
            let (target, path) = written(&directory, &records);
            let length = fs::metadata(&path).unwrap().len();
            let cut = cut.index(length as usize + 1) as u64;
            OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
            let mut journal = Journal::open(&target, name(99)).unwrap();
            let left = whole(&mut journal, &records);
            prop_assert!(left == records.len() || cut < length);
            for (number, record) in records.iter().enumerate().skip(left) {
                journal.put(name(number), record).unwrap();
            }
            prop_assert_eq!(whole(&mut journal, &records), records.len());
            drop(journal);
            prop_assert_eq!(fs::metadata(&path).unwrap().len(), length);
        }

        #[test]
        fn damage_is_noticed(records in some_records(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let directory = TempDir::new().unwrap();
            let (target, path) = written(&directory, &records);
            let mut bytes = fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            fs::write(&path, bytes).unwrap();
            prop_assert!(whole(&mut Journal::open(&target, name(99)).unwrap(), &records) < records.len());
        }
    }

    #[test]
    fn records_made_from_something_else_are_dropped() {
        let directory = TempDir::new().unwrap();
        let records = [vec![1, 2, 3]];
        let (target, _) = written(&directory, &records);
        assert_eq!(whole(&mut Journal::open(&target, name(99)).unwrap(), &records), 1);
        assert_eq!(whole(&mut Journal::open(&target, name(98)).unwrap(), &records), 0);
        assert_eq!(whole(&mut Journal::open(&target, name(99)).unwrap(), &records), 0);
    }

    #[test]
    fn one_process_writes_at_a_time() {
        let directory = TempDir::new().unwrap();
        let target = Directory::new(&directory.path().join("folder"));
        let first = Journal::open(&target, name(1)).unwrap();
        let second = Journal::open(&target, name(1)).err().map(|error| error.to_string());
        assert!(second.is_some_and(|error| error.contains("another process")));
        first.remove().unwrap();
        assert!(!directory.path().join("folder").exists());
    }

    #[test]
    fn a_journal_in_memory_lives_as_long_as_its_run() {
        let target = Memory::new();
        let records = [vec![1, 2, 3], vec![], vec![4]];
        let mut journal = Journal::open(&target, name(99)).unwrap();
        for (number, record) in records.iter().enumerate() {
            journal.put(name(number), record).unwrap();
        }
        assert_eq!(whole(&mut journal, &records), 3);
        drop(journal);
        assert_eq!(whole(&mut Journal::open(&target, name(99)).unwrap(), &records), 0);
    }
}
