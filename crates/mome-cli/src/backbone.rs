//! The backbone that comes with the command, and others from files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mome_backbone::Backbone;

use crate::output::Failure;

const EMBEDDED: &[u8] = include_bytes!("../../mome-backbone/data/mome-tiny-q8_0.gguf");

/// The backbone of this file; the one that comes with the command where none is named.
pub(crate) fn backbone(file: Option<&Path>) -> Result<Arc<Backbone>, Failure> {
    match file {
        Some(file) => {
            let bytes = fs::read(file).map_err(|error| Failure::File { file: file.into(), error })?;
            let backbone = Backbone::from_bytes(bytes);
            backbone.map(Arc::new).map_err(|error| Failure::Backbone { file: file.into(), error })
        }
        None => embedded(),
    }
}

/// The backbone that comes with the command.
pub(crate) fn embedded() -> Result<Arc<Backbone>, Failure> {
    let backbone = Backbone::from_bytes(EMBEDDED);
    backbone.map(Arc::new).map_err(|error| Failure::Backbone { file: "the embedded backbone".into(), error })
}
