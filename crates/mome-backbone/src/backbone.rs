//! A backbone: everything in one GGUF file but the numbers of its tensors, read and checked.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::config::architecture;
use crate::{
    Config, ConfigError, Frame, Gguf, GgufError, MatrixSource, TensorInfo, Tokenizer, TokenizerError,
    Transformer, VectorSource,
};

/// Why a file cannot be used as a backbone.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BackboneError {
    /// The container cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The model cannot be run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// A backbone as the head of its file describes it: configuration, tensors, tokenizer, frame.
#[derive(Debug)]
pub struct Backbone {
    gguf: Gguf,
    /// Places in the tensor table, in the order of the tensors' data.
    by_place: Vec<usize>,
    config: Config,
    transformer: Transformer<MatrixSource, VectorSource>,
    tokenizer: Tokenizer,
    frame: Frame,
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

impl Backbone {
    /// Reads the head of a GGUF file of `file` bytes from its first bytes; `None` where the head is longer than what
    /// is there.
    ///
    /// # Errors
    /// [`BackboneError`], where the file is damaged or holds what is not supported.
    pub fn read_head(bytes: &[u8], file: u64) -> Result<Option<Self>, BackboneError> {
        let gguf = match Gguf::parse(bytes, file) {
            Err(GgufError::Truncated { .. }) if (bytes.len() as u64) < file => return Ok(None),
            parsed => parsed?,
        };
        let architecture = architecture(&gguf)?;
        let tokenizer = Tokenizer::read(&gguf)?;
        let config = Config::read(&gguf, architecture, tokenizer.len())?;
        let transformer = architecture.transformer(&gguf, &config)?;
        let frame = Frame::new(&tokenizer);
        let mut by_place: Vec<usize> = (0..gguf.tensors().len()).collect();
        by_place.sort_by_key(|&tensor| gguf.tensors()[tensor].range.start);
        Ok(Some(Self { gguf, by_place, config, transformer, tokenizer, frame, digest: OnceLock::new() }))
    }

    /// Reads the head of a file that is wholly at hand, and takes its digest.
    ///
    /// # Errors
    /// As [`Backbone::read_head`].
    pub fn from_bytes(file: &[u8]) -> Result<Self, BackboneError> {
        let truncated = || GgufError::Truncated { field: "the head".to_owned(), needed: 1, left: 0 };
        let backbone = Self::read_head(file, file.len() as u64)?.ok_or_else(truncated)?;
        backbone.identify(Sha256::digest(file).into());
        Ok(backbone)
    }

    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The model's layers, and where in the file their weights are.
    #[must_use]
    pub fn transformer(&self) -> &Transformer<MatrixSource, VectorSource> {
        &self.transformer
    }

    /// Turns text into tokens and back.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How a question is put to the model.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.frame
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

    /// The file's metadata and table of tensors.
    #[must_use]
    pub fn gguf(&self) -> &Gguf {
        &self.gguf
    }

    /// What the model is called: `general.name`, or else its architecture.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.gguf.string("general.name") {
            Ok(Some(name)) => name,
            _ => &self.config.architecture,
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

    /// SHA-256 over the bytes of every token in order, each after its length as a little-endian `u32`.
    #[must_use]
    pub fn vocabulary_digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for token in self.tokenizer.vocabulary() {
            hash.update((token.len() as u32).to_le_bytes());
            hash.update(token);
        }
        hash.finalize().into()
    }
}
