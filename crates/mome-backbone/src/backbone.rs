//! A backbone: everything in one GGUF file but the numbers of its tensors, read and checked.

use thiserror::Error;

use crate::layout::architecture;
use crate::{
    Config, ConfigError, Frame, Gguf, GgufError, MatrixSource, ModelFile, ModelKind, TensorInfo, TensorPiece,
    Tokenizer, TokenizerError, Transformer, VectorSource, WrongKind,
};

/// Why a file cannot be used as a backbone.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum BackboneError {
    /// The container cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The model is no language model.
    #[error(transparent)]
    Kind(#[from] WrongKind),
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
    file: ModelFile,
    config: Config,
    transformer: Transformer<MatrixSource, VectorSource>,
    tokenizer: Tokenizer,
    frame: Frame,
}

impl Backbone {
    /// Reads the head of a GGUF file of `file` bytes from its first bytes; `None` where the head is longer than what
    /// is there.
    ///
    /// # Errors
    /// [`BackboneError`], where the file is damaged or holds what is not supported.
    pub fn read_head(bytes: &[u8], file: u64) -> Result<Option<Self>, BackboneError> {
        let Some(file) = ModelFile::read_head(bytes, file)? else { return Ok(None) };
        file.refuse_other_than(ModelKind::Backbone)?;
        let gguf = file.gguf();
        let architecture = architecture(gguf)?;
        let tokenizer = Tokenizer::read(gguf)?;
        let config = Config::read(gguf, architecture, tokenizer.len())?;
        let transformer = architecture.transformer(gguf, &config)?;
        let frame = Frame::new(&tokenizer);
        Ok(Some(Self { file, config, transformer, tokenizer, frame }))
    }

    /// Reads the head of a file that is wholly at hand, and takes its digest.
    ///
    /// # Errors
    /// As [`Backbone::read_head`].
    pub fn from_bytes(file: &[u8]) -> Result<Self, BackboneError> {
        ModelFile::read_whole(file, Self::read_head, |backbone, digest| backbone.file.identify(digest))
    }

    /// The file: its metadata, its tensors, and what of them lies where.
    #[must_use]
    pub fn file(&self) -> &ModelFile {
        &self.file
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
        self.file.tensors()
    }

    /// As [`ModelFile::pieces`].
    pub fn pieces<'a>(&self, offset: u64, bytes: &'a [u8]) -> impl Iterator<Item = TensorPiece<'a>> {
        self.file.pieces(offset, bytes)
    }

    /// The file's metadata and table of tensors.
    #[must_use]
    pub fn gguf(&self) -> &Gguf {
        self.file.gguf()
    }

    /// What the model is called: `general.name`, or else its architecture.
    #[must_use]
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// SHA-256 of the file; `None` until all of it has been seen.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.file.digest()
    }

    /// Notes the SHA-256 of the file, once all of it has been seen. Only the first counts.
    pub fn identify(&self, digest: [u8; 32]) {
        self.file.identify(digest);
    }

    /// SHA-256 over the vocabulary: see [`Tokenizer::vocabulary_digest`].
    #[must_use]
    pub fn vocabulary_digest(&self) -> [u8; 32] {
        self.tokenizer.vocabulary_digest()
    }
}
