//! A backbone: one GGUF file, read and checked.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::gguf::TensorInfo;
use crate::{Config, ConfigError, Frame, Gguf, GgufError, TensorType, Tokenizer, TokenizerError, Value};

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

/// A backbone as its file describes it: weights as bytes, configuration, tokenizer, frame.
#[derive(Debug)]
pub struct Backbone {
    bytes: Arc<[u8]>,
    digest: [u8; 32],
    gguf: Gguf,
    config: Config,
    tokenizer: Tokenizer,
    frame: Frame,
}

impl Backbone {
    /// Reads a GGUF file.
    ///
    /// # Errors
    /// [`BackboneError`], where the file is damaged or holds what is not supported.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Self, BackboneError> {
        let bytes = bytes.into();
        let gguf = Gguf::parse(&bytes)?;
        let tokenizer = Tokenizer::read(&gguf)?;
        let config = Config::read(&gguf, tokenizer.len())?;
        let frame = Frame::read(&gguf, &tokenizer)?;
        let digest = Sha256::digest(&bytes).into();
        Ok(Self { bytes, digest, gguf, config, tokenizer, frame })
    }

    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
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

    /// The tensor of that name.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<Tensor<'_>> {
        self.gguf.tensor(name).map(|info| self.view(info))
    }

    /// All tensors, in the order of the file's table.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor<'_>> {
        self.gguf.tensors().iter().map(|info| self.view(info))
    }

    /// All metadata, by key.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.gguf.metadata()
    }

    /// What the model is called: `general.name`, or else its architecture.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.gguf.string("general.name") {
            Ok(Some(name)) => name,
            _ => &self.config.architecture,
        }
    }

    /// SHA-256 of the file.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
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

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    fn view<'a>(&'a self, info: &'a TensorInfo) -> Tensor<'a> {
        Tensor {
            name: &info.name,
            kind: info.kind,
            shape: &info.shape,
            offset: info.range.start,
            data: &self.bytes[info.range.clone()],
        }
    }
}

/// A tensor in the file.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// Its name, such as `blk.0.attn_q.weight`.
    pub name: &'a str,
    /// How its numbers are stored.
    pub kind: TensorType,
    /// Its dimensions, the contiguous one (columns) first, as GGUF has them.
    pub shape: &'a [u64],
    /// Where its data begin in the file.
    pub offset: usize,
    /// Its data: `rows()` rows of `kind.row_bytes(columns())` bytes.
    pub data: &'a [u8],
}

impl Tensor<'_> {
    /// Elements in a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.shape.first().map_or(0, |columns| *columns as usize)
    }

    /// Number of rows: the product of all dimensions but the first.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape.iter().skip(1).product::<u64>() as usize
    }
}
