//! The files of a pack that is being made: its objects and manifest, and the journal of what is done already.

mod directory;
mod error;
mod index;
mod journal;
mod memory;
mod models;
mod target;
mod writer;

pub use directory::Directory;
pub use error::WriteError;
pub(crate) use index::{WrittenIndex, write_index};
pub(crate) use journal::{Journal, Place};
pub use memory::Memory;
pub(crate) use models::{write_backbone, write_reader};
pub use target::{JournalFile, Target};
pub(crate) use writer::{Objects, PackWriter, seconds_since_1970};
