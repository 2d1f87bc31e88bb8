//! The backbone that comes with the command, and others from files.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mome_engine::{Executor, OpenOptions, open};
use mome_pack::Selector;

use crate::output::Failure;

/// The file of the backbone that comes with the command.
pub(crate) const EMBEDDED: &[u8] = include_bytes!("../../mome-backbone/data/mome-tiny-q8_0.gguf");

/// The selector that comes with it.
const EMBEDDED_SELECTOR: &[u8] = include_bytes!("../../mome-backbone/data/mome-tiny-q8_0.selector");

/// The selector in this file; where none is named, the one that comes with the command if the backbone does too.
pub(crate) fn selector_for(backbone: &[u8], file: Option<&Path>) -> Result<Option<Selector>, Failure> {
    let named = |file: &Path| PathBuf::from(file);
    match file {
        Some(file) => {
            let bytes = fs::read(file).map_err(|error| Failure::File { file: named(file), error })?;
            Selector::decode(&bytes).map(Some).map_err(|error| Failure::Selector { file: named(file), error })
        }
        None if backbone == EMBEDDED => {
            let file = named(Path::new("the selector of this command"));
            Selector::decode(EMBEDDED_SELECTOR).map(Some).map_err(|error| Failure::Selector { file, error })
        }
        None => Ok(None),
    }
}

/// The bytes of this backbone's file; of the one that comes with the command where none is named.
pub(crate) fn backbone_file(file: Option<&Path>) -> Result<Cow<'static, [u8]>, Failure> {
    let Some(file) = file else { return Ok(Cow::Borrowed(EMBEDDED)) };
    let bytes = fs::read(file).map_err(|error| Failure::File { file: file.into(), error })?;
    Ok(Cow::Owned(bytes))
}

/// Puts a backbone on a device; `file` is what [`backbone_file`] was asked for.
pub(crate) fn open_backbone(
    file: Option<&Path>,
    bytes: &[u8],
    options: OpenOptions,
) -> Result<Arc<dyn Executor>, Failure> {
    let named = file.unwrap_or(Path::new("the backbone of this command"));
    let opened = pollster::block_on(open(bytes, options));
    Ok(opened.map_err(|error| Failure::Backbone { file: named.into(), error })?.executor)
}
