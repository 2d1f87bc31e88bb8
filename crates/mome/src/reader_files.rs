//! A reader as files.

use std::borrow::Cow;

/// The files of a reader.
#[derive(Clone)]
pub struct ReaderFiles {
    /// The encoder, GGUF.
    pub encoder: Cow<'static, [u8]>,
    /// The reranker that goes with it, GGUF.
    pub reranker: Option<Cow<'static, [u8]>>,
}
