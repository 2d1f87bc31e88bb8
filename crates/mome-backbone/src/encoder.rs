//! A sentence encoder: everything in one GGUF file of architecture `bert` but the numbers of its tensors, read and
//! checked. BERT (arXiv 1810.04805) with learned positions and a norm after each layer; all-MiniLM, BGE, E5, GTE, mxbai
//! and snowflake-arctic-embed are of it.

mod config;
mod weights;

use thiserror::Error;

use crate::{
    ConfigError, EncoderFrame, Gguf, GgufError, MatrixSource, ModelFile, ModelKind, Tokenizer,
    TokenizerError, VectorSource, WrongKind,
};
pub use config::{EncoderBlockShape, EncoderConfig, Pooling};
pub use weights::{EncoderBlock, EncoderEmbedding, EncoderWeights};

/// `general.architecture` of encoders.
pub(crate) const ARCHITECTURE: &str = "bert";

/// Why a file cannot be used as an encoder.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The container cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The model is no encoder.
    #[error(transparent)]
    Kind(#[from] WrongKind),
    /// An architecture that the engine does not know.
    #[error("architecture {0} is not supported for sentence encoders; {ARCHITECTURE} is")]
    Architecture(String),
    /// The model cannot be run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file has no tokens: such files exist, and serve nobody who has only text.
    #[error("the encoder has no vocabulary: its file lacks tokenizer.ggml.tokens, or that list is empty")]
    Vocabulary,
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// An encoder as the head of its file describes it.
#[derive(Debug)]
pub struct Encoder {
    file: ModelFile,
    config: EncoderConfig,
    weights: EncoderWeights<MatrixSource, VectorSource>,
    tokenizer: Tokenizer,
    frame: EncoderFrame,
}

impl Encoder {
    /// Reads the head of a GGUF file of `file` bytes from its first bytes; `None` where the head is longer than what
    /// is there.
    ///
    /// # Errors
    /// [`EncoderError`], where the file is damaged or holds what is not supported.
    pub fn read_head(bytes: &[u8], file: u64) -> Result<Option<Self>, EncoderError> {
        let Some(file) = ModelFile::read_head(bytes, file)? else { return Ok(None) };
        file.refuse_other_than(ModelKind::Encoder)?;
        let architecture = file.architecture()?;
        if architecture != ARCHITECTURE {
            return Err(EncoderError::Architecture(architecture.to_owned()));
        }
        check_vocabulary(file.gguf())?;
        let tokenizer = Tokenizer::read(file.gguf())?;
        let frame = EncoderFrame::read(file.gguf(), &tokenizer)?;
        let config = EncoderConfig::read(file.gguf(), tokenizer.len())?;
        let weights = EncoderWeights::find(file.gguf(), &config)?;
        Ok(Some(Self { file, config, weights, tokenizer, frame }))
    }

    /// Reads the head of a file that is wholly at hand, and takes its digest.
    ///
    /// # Errors
    /// As [`Encoder::read_head`].
    pub fn from_bytes(file: &[u8]) -> Result<Self, EncoderError> {
        ModelFile::read_whole(file, Self::read_head, |encoder, digest| encoder.file.identify(digest))
    }

    /// The file: its metadata, its tensors, its name and digest.
    #[must_use]
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// The model's layers, and where in the file their weights are.
    #[must_use]
    pub fn weights(&self) -> &EncoderWeights<MatrixSource, VectorSource> {
        &self.weights
    }

    /// Turns text into tokens.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The special tokens around what the encoder reads.
    #[must_use]
    pub fn frame(&self) -> &EncoderFrame {
        &self.frame
    }

    /// What the encoder is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// SHA-256 of the file; `None` until all of it has been seen.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.file.digest()
    }
}

/// Refuses a file without tokens.
fn check_vocabulary(gguf: &Gguf) -> Result<(), EncoderError> {
    match gguf.strings("tokenizer.ggml.tokens")? {
        Some(tokens) if !tokens.is_empty() => Ok(()),
        _ => Err(EncoderError::Vocabulary),
    }
}
