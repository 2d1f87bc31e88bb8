//! What every model file has in common, whatever the model: metadata, a table of tensors whose data arrive piece by
//! piece, a name, a digest, and an architecture that says what kind of model it is.

use std::fmt;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Gguf, GgufError, TensorInfo};

/// The head of a GGUF file, read and checked.
#[derive(Debug)]
pub struct ModelFile {
    gguf: Gguf,
    /// Places in the tensor table, in the order of the tensors' data.
    by_place: Vec<usize>,
    digest: OnceLock<[u8; 32]>,
}

/// Some bytes of a tensor's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorPiece<'a> {
    /// The tensor's place in the file's table.
    pub tensor: usize,
    /// Where in the tensor's data they begin.
    pub offset: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// A causal language model: [`crate::Backbone`].
    Backbone,
    /// A sentence encoder: [`crate::Encoder`].
    Encoder,
    /// A cross-encoder on top of an encoder's lower layers: [`crate::Reranker`].
    Reranker,
}

/// A file with a model of another kind than is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the file (architecture {architecture}) holds {found}, where {wanted} is wanted")]
pub struct WrongKind {
    /// What is wanted.
    pub wanted: ModelKind,
    /// What the file holds.
    pub found: ModelKind,
    /// `general.architecture`.
    pub architecture: String,
}

impl ModelFile {
    /// Reads the head of a file of `file` bytes from its first bytes; `None` where the head is longer than what is
    /// there.
    ///
    /// # Errors
    /// [`GgufError`] where the file is damaged.
    pub(crate) fn read_head(bytes: &[u8], file: u64) -> Result<Option<Self>, GgufError> {
        let gguf = match Gguf::parse(bytes, file) {
            Err(GgufError::Truncated { .. }) if (bytes.len() as u64) < file => return Ok(None),
            parsed => parsed?,
        };
        let mut by_place: Vec<usize> = (0..gguf.tensors().len()).collect();
        by_place.sort_by_key(|&tensor| gguf.tensors()[tensor].range.start);
        Ok(Some(Self { gguf, by_place, digest: OnceLock::new() }))
    }

    /// Reads a model from a file that is wholly at hand with `read_head`, and hands `identify` the file's digest.
    pub(crate) fn read_whole<T, E: From<GgufError>>(
        file: &[u8],
        read_head: impl FnOnce(&[u8], u64) -> Result<Option<T>, E>,
        identify: impl FnOnce(&T, [u8; 32]),
    ) -> Result<T, E> {
        let truncated = || GgufError::Truncated { field: "the head".to_owned(), needed: 1, left: 0 };
        let model = read_head(file, file.len() as u64)?.ok_or_else(truncated)?;
        identify(&model, Sha256::digest(file).into());
        Ok(model)
    }

    /// The metadata and the table of tensors.
    #[must_use]
    pub fn gguf(&self) -> &Gguf {
        &self.gguf
    }

    /// All tensors, in the order of the file's table.
    #[must_use]
    pub fn tensors(&self) -> &[TensorInfo] {
        self.gguf.tensors()
    }

    /// What of the tensors' data lies in these bytes of the file, which begin at `offset`.
    pub fn pieces<'a>(&self, offset: u64, bytes: &'a [u8]) -> impl Iterator<Item = TensorPiece<'a>> {
        let tensors = self.tensors();
        let end = offset + bytes.len() as u64;
        let first = self.by_place.partition_point(|&tensor| tensors[tensor].range.end <= offset);
        let within = move |&tensor: &usize| tensors[tensor].range.start < end;
        self.by_place[first..].iter().copied().take_while(within).map(move |tensor| {
            let range = &tensors[tensor].range;
            let (start, stop) = (range.start.max(offset), range.end.min(end));
            TensorPiece {
                tensor,
                offset: (start - range.start) as usize,
                bytes: &bytes[(start - offset) as usize..(stop - offset) as usize],
            }
        })
    }

    /// `general.architecture`.
    ///
    /// # Errors
    /// [`GgufError`] where it is missing or no string.
    pub fn architecture(&self) -> Result<&str, GgufError> {
        architecture_name(&self.gguf)
    }

    /// What the model is called: `general.name`, or else its architecture.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.gguf.string("general.name") {
            Ok(Some(name)) => name,
            _ => self.architecture().unwrap_or_default(),
        }
    }

    /// SHA-256 of the file; `None` until all of it has been seen.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest.get().copied()
    }

    /// Notes the SHA-256 of the file, once all of it has been seen. Only the first counts.
    pub fn identify(&self, digest: [u8; 32]) {
        self.digest.get_or_init(|| digest);
    }

    /// Refuses a model that is known to be of another kind. An architecture that nothing knows is the caller's to
    /// refuse.
    pub(crate) fn refuse_other_than(&self, wanted: ModelKind) -> Result<(), WrongKind> {
        let architecture = self.architecture().unwrap_or_default();
        match ModelKind::of(architecture) {
            Some(found) if found != wanted => {
                Err(WrongKind { wanted, found, architecture: architecture.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

impl ModelKind {
    /// What models of that architecture are for, where it is known.
    #[must_use]
    pub fn of(architecture: &str) -> Option<Self> {
        match architecture {
            crate::encoder::ARCHITECTURE => Some(Self::Encoder),
            crate::reranker::ARCHITECTURE => Some(Self::Reranker),
            other => crate::architecture::Architecture::find(other).map(|_| Self::Backbone),
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backbone => "a backbone (a causal language model)",
            Self::Encoder => "a sentence encoder",
            Self::Reranker => "a reranker",
        })
    }
}

/// `general.architecture` of a file.
pub(crate) fn architecture_name(gguf: &Gguf) -> Result<&str, GgufError> {
    gguf.string("general.architecture")?.ok_or_else(|| GgufError::Missing("general.architecture".to_owned()))
}
