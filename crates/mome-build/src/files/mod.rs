//! The files of a pack that is being made: its objects and manifest, and the journal of what is done already.

mod error;
mod index;
mod journal;
mod models;
mod writer;

pub use error::WriteError;
pub(crate) use index::{WrittenIndex, write_index};
pub(crate) use journal::{JOURNAL, Journal, Place};
pub(crate) use models::{write_backbone, write_reader};
pub(crate) use writer::{Objects, PackWriter, seconds_since_1970};
