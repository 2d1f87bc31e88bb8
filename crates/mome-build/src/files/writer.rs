//! Writing of a pack: objects first, the manifest last, each file whole or not at all.

use std::collections::HashSet;

use mome_pack::{Digest, Envelope, Link, Manifest, Root};

use web_time::{SystemTime, UNIX_EPOCH};

use super::error::WriteError;
use super::target::Target;
use crate::MemorizeError;

/// Name of the manifest's file.
const MANIFEST: &str = "mome.json";

/// Writes a pack.
pub(crate) struct PackWriter<'a> {
    target: &'a dyn Target,
}

/// The objects of one edition of a pack.
pub(crate) struct Objects(HashSet<Link>);

impl<'a> PackWriter<'a> {
    /// Writes to `target`.
    pub(crate) fn new(target: &'a dyn Target) -> Self {
        Self { target }
    }

    /// Puts an object into the pack. One that is already there is left alone.
    ///
    /// # Errors
    /// [`WriteError`] where it cannot be written.
    pub(crate) fn object(&self, bytes: &[u8]) -> Result<Link, WriteError> {
        let link = Link::to(bytes);
        let path = link.digest.path();
        if !self.target.read(&path).is_ok_and(|there| there.as_deref() == Some(bytes)) {
            self.target.write(&path, bytes)?;
        }
        Ok(link)
    }

    /// Puts the manifest in place, as the next edition of the pack that lies there: from here on the target is a
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
        self.target.write(MANIFEST, &manifest.encode()?)?;
        Ok(manifest)
    }

    /// The objects that are there and that this edition does not have.
    ///
    /// # Errors
    /// [`WriteError`] where they cannot be listed.
    pub(crate) fn outdated(&self, edition: &Objects) -> Result<Vec<Digest>, WriteError> {
        let kept: HashSet<Digest> = edition.0.iter().map(|link| link.digest).collect();
        Ok(self.target.objects()?.into_iter().filter(|object| !kept.contains(object)).collect())
    }

    /// Deletes objects.
    ///
    /// # Errors
    /// [`WriteError`] where one cannot be deleted.
    pub(crate) fn delete(&self, objects: &[Digest]) -> Result<(), WriteError> {
        objects.iter().try_for_each(|object| self.target.delete(&object.path()))
    }

    /// The manifest that lies there, in its envelope.
    pub(crate) fn edition_there(&self) -> Option<Envelope> {
        Envelope::decode(&self.target.read(MANIFEST).ok()??).ok()
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

/// The time stamp of a pack: `SOURCE_DATE_EPOCH` where it is set (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub(crate) fn seconds_since_1970() -> u64 {
    let set = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|epoch| epoch.parse().ok());
    set.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
