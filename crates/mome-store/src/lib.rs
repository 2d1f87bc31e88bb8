//! Where the objects of a pack come from: an HTTP server or a directory, verified, retried and cached.
//!
//! [`Store::open`] is the way in. A [`Source`] only brings bytes; the [`Store`] above it trusts none of them.

mod cache;
#[cfg(not(target_arch = "wasm32"))]
mod directory;
mod error;
mod http;
mod location;
mod memory;
mod source;
mod store;

#[cfg(not(target_arch = "wasm32"))]
pub use directory::DirectorySource;
pub use error::{FileProblem, StoreError};
pub use http::HttpSource;
pub use memory::MemorySource;
pub use source::{Freshness, Source, SourceError};
pub use store::{Fetch, Fetched, Object, Store};
