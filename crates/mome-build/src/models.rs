//! The models that a pack is made with: what speaks and what reads.

use std::sync::Arc;

use mome::{EncoderReader, MomeError, ReaderFiles};
use mome_engine::Executor;
use mome_pack::{CalibratedGate, Digest, Query};

/// A backbone and a reader on a device, with their files and what comes with them.
pub struct Models {
    /// Runs the backbone.
    pub executor: Arc<dyn Executor>,
    /// The backbone's file.
    pub backbone: std::borrow::Cow<'static, [u8]>,
    /// How the backbone attends to slots; made from the pack's own facts where `None`.
    pub query: Option<Query>,
    /// Reads questions.
    pub reader: Arc<EncoderReader>,
    /// The reader's files.
    pub reader_files: ReaderFiles,
    /// The gate that comes with the reader, if one does.
    pub reader_gate: Option<CalibratedGate>,
}

impl Models {
    /// Makes sure that the query object, where there is one, was made for this backbone.
    ///
    /// # Errors
    /// [`MomeError::Query`] where it was not.
    pub fn check_query(&self) -> Result<(), MomeError> {
        let backbone = Digest::of(&self.backbone);
        match &self.query {
            Some(query) if query.backbone != backbone => Err(MomeError::Query(format!(
                "it was made for the backbone {}, and this one is {backbone}",
                query.backbone
            ))),
            _ => Ok(()),
        }
    }
}
