//! The format of a pack: a manifest in a signed envelope, and immutable objects that are named by their
//! SHA-256. This crate reads, writes and verifies bytes; it does no I/O. `docs/pack-format.md` is the
//! specification.

mod bytes;
mod digest;
mod error;
mod expert;
mod gate;
mod manifest;
mod match_network;
mod root;
mod selector;
mod shard;
mod unit_vector;

pub use digest::{Digest, InvalidDigest, Link};
pub use error::PackError;
pub use expert::{Expert, MAX_QUESTION_TOKENS, QuestionKeys, Slot, TokenKey, WordingHash};
pub use gate::{CalibratedGate, Calibration, GATE_FEATURES, Gate, KnownScores};
pub use manifest::{BackboneReference, Counts, FORMAT, MAX_MANIFEST, MAX_OBJECT, Manifest};
pub use match_network::{
    Dense, MATCH_FEATURES, MatchNetwork, NETWORK_WIDTH, POOLED_FEATURES, TOKEN_FEATURES,
};
pub use root::{Leaf, Root};
pub use selector::{Attention, Projection, Selector};
pub use shard::{MAX_SHARD, Shard, TARGET_SHARD};
pub use unit_vector::{KEY_WIDTH, ROUTING_WIDTH, UnitVector};
