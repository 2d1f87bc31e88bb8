//! The manifest: what `mome.json` says, inside its [`Envelope`].

use serde::{Deserialize, Serialize};

use crate::gate::CalibratedGate;
use crate::{Digest, Envelope, Link, PackError};

/// The version of the pack format that this crate writes and reads.
pub const FORMAT: u32 = 3;

/// The most bytes that `mome.json` may have.
pub const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// The most bytes that any object may have.
pub const MAX_OBJECT: u64 = 32 * 1024 * 1024;

const OBJECT: &str = "manifest";

/// What a pack is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// The pack's id, the same in all its editions.
    pub pack: String,
    /// Counts the editions of a pack, from 1.
    pub sequence: u64,
    /// When this edition was made, in seconds since 1970.
    pub created: u64,
    /// When this edition should be replaced, in seconds since 1970.
    pub expires: Option<u64>,
    /// The language model that the pack was made with, and works with.
    pub backbone: ModelReference,
    /// What reads questions.
    pub reader: ReaderReference,
    /// The query object: how the backbone attends to slots.
    pub query: Link,
    /// The root page of the index.
    pub root: Link,
    /// How much the pack holds.
    pub counts: Counts,
    /// The share of unknown questions that may be answered, where the asker sets none.
    pub alpha: f64,
    /// The pack's own gate, calibrated by its own questions; `None` where it has too few, and the reader's serves.
    pub gate: Option<CalibratedGate>,
}

/// A model of a pack: its backbone, or its encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelReference {
    /// SHA-256 of the GGUF file.
    pub digest: Digest,
    /// Its name, for people.
    pub name: String,
    /// Its architecture, as the GGUF calls it.
    pub architecture: String,
    /// Width of its hidden states.
    pub hidden: u32,
    /// SHA-256 over its vocabulary.
    pub vocabulary: Digest,
    /// The file in pieces, in order.
    pub parts: Vec<Link>,
}

/// What reads questions: a sentence encoder, a reranker that judges with it, and the gate that goes with both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReaderReference {
    /// The sentence encoder.
    pub encoder: ModelReference,
    /// What judges a question beside a stored wording; `None` where nothing does, and contrast is not seen.
    pub reranker: Option<RerankerReference>,
    /// Text that is put before a question for its embedding, and before a wording: E5 wants `query: `.
    pub prefix: String,
    /// How the encoder's states become one embedding.
    pub pooling: Pooling,
    /// The default gate, for packs that have too few wordings to fit one, with its calibration; `None` where the
    /// reader comes without one.
    pub gate: Option<CalibratedGate>,
}

/// The reranker of a pack: it shares the encoder's lower layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RerankerReference {
    /// SHA-256 of the GGUF file.
    pub digest: Digest,
    /// The file in pieces, in order.
    pub parts: Vec<Link>,
}

/// How an encoder's states become one embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The state of the first token.
    Cls,
}

/// How much a pack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Facts, one expert each.
    pub facts: u64,
    /// Wordings over all facts.
    pub wordings: u64,
    /// Shards.
    pub shards: u64,
}

impl Manifest {
    /// The bytes of `mome.json`: the manifest in an envelope without signatures.
    ///
    /// # Errors
    /// [`PackError::Field`] where a field cannot be: a number that is not finite, which JSON has no word for.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        Envelope::unsigned(self.to_json()?).encode()
    }

    /// Reads the manifest in a `mome.json`, whoever signed it.
    ///
    /// # Errors
    /// As [`Envelope::decode`] and [`Manifest::from_json`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        Self::from_json(&Envelope::decode(bytes)?.payload)
    }

    /// The manifest as JSON: the payload of an envelope.
    ///
    /// # Errors
    /// As [`Manifest::encode`].
    pub fn to_json(&self) -> Result<Vec<u8>, PackError> {
        self.check()?;
        serde_json::to_vec(self).map_err(|error| PackError::field(OBJECT, "JSON", error.to_string()))
    }

    /// Reads a manifest's JSON: the payload of an envelope.
    ///
    /// # Errors
    /// [`PackError`] where it is no manifest, its format is another one, or a field cannot be.
    pub fn from_json(payload: &[u8]) -> Result<Self, PackError> {
        let not_json = |error: serde_json::Error| PackError::json(OBJECT, &error);
        let format: FormatOnly = serde_json::from_slice(payload).map_err(not_json)?;
        if format.format < FORMAT {
            return Err(PackError::Outdated { version: format.format });
        }
        if format.format > FORMAT {
            return Err(PackError::Version { object: OBJECT, version: format.format });
        }
        let manifest: Self = serde_json::from_slice(payload).map_err(not_json)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The links that stand in the manifest itself, to all that is not a shard.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        let reranker = self.reader.reranker.iter().flat_map(|reranker| &reranker.parts);
        let models = self.backbone.parts.iter().chain(&self.reader.encoder.parts).chain(reranker);
        models.copied().chain([self.query, self.root])
    }

    fn check(&self) -> Result<(), PackError> {
        for link in self.links() {
            if link.length > MAX_OBJECT {
                let problem = format!("of {} names {} bytes: too many", link.digest, link.length);
                return Err(PackError::field(OBJECT, "length", problem));
            }
        }
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return Err(PackError::field(OBJECT, "alpha", "is not between 0 and 1"));
        }
        for (field, gate) in [("gate", &self.gate), ("gate of the reader", &self.reader.gate)] {
            if let Some(problem) = gate.as_ref().and_then(CalibratedGate::problem) {
                return Err(PackError::field(OBJECT, field, problem));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}
