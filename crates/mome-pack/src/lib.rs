//! The format of a pack: a manifest in a signed envelope, and immutable objects that are named by their
//! SHA-256. This crate reads, writes and verifies bytes; it does no I/O. `docs/pack-format.md` is the
//! specification.

mod bytes;
mod digest;
mod envelope;
mod error;
mod expert;
mod gate;
mod manifest;
mod query;
mod root;
mod routing_key;
mod send;
mod shard;
mod unit_vector;
mod wording;

pub use digest::{Digest, InvalidDigest, Link};
pub use envelope::{Envelope, Signature};
pub use error::PackError;
pub use expert::{Expert, MAX_WORDING_TOKENS, Slot, Wording, WordingLayout};
pub use gate::{CalibratedGate, Calibration, Gate, KnownScores, Logistic, Scores};
pub use manifest::{
    Counts, FORMAT, MAX_MANIFEST, MAX_OBJECT, Manifest, ModelReference, Pooling, ReaderReference,
    RerankerReference,
};
pub use query::{Attention, Projection, Query};
pub use root::{InvertedList, Root};
pub use routing_key::{MAX_ROUTING_WIDTH, RoutingKey};
pub use send::MaybeSendSync;
pub use shard::{MAX_SHARD, Shard, TARGET_SHARD};
pub use unit_vector::{KEY_WIDTH, UnitVector};
pub use wording::{WordingHash, plain_text};
