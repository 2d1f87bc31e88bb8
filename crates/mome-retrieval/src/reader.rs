//! What every reader can do: turn a text into an embedding, and look at a question beside stored wordings.

use async_trait::async_trait;
use mome_engine::{EngineError, RerankLogits};
use mome_pack::{Digest, MaybeSendSync, RoutingKey, Wording, WordingHash, WordingLayout};
use thiserror::Error;

/// What reads questions and wordings. A pack says which reader made its embeddings; another one's are of no use with it.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait Reader: MaybeSendSync {
    /// Which reader this is.
    fn description(&self) -> &ReaderDescription;

    /// Reads several texts in one batch.
    ///
    /// # Errors
    /// What keeps it from reading.
    async fn read_all(&self, texts: &[&str]) -> Result<Vec<Reading>, ReaderError>;

    /// Judges a question beside each of these wordings, all given by their own tokens ([`Reading::tokens`]), in one
    /// batch. Nothing where the reader does not judge.
    ///
    /// # Errors
    /// What keeps it from judging.
    async fn judge(&self, question: &[u32], wordings: &[&[u32]]) -> Result<Vec<RerankLogits>, ReaderError>;

    /// Whether a text is so long that only its beginning is kept where it is stored.
    fn cuts(&self, text: &str) -> bool;

    /// Reads one text.
    ///
    /// # Errors
    /// As [`Reader::read_all`].
    async fn read(&self, text: &str) -> Result<Reading, ReaderError> {
        self.read_all(&[text]).await?.pop().ok_or(ReaderError::Nothing)
    }
}

/// Which reader it is, and the shape of what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderDescription {
    /// Digest of the encoder's file, where all of it was seen.
    pub encoder: Option<Digest>,
    /// Digest of the reranker's file, where there is one and all of it was seen.
    pub reranker: Option<Digest>,
    /// Whether questions are judged beside wordings, or only compared by their embeddings.
    pub judges: bool,
    /// What is put before every text for its embedding.
    pub prefix: String,
    /// Width of an embedding.
    pub width: usize,
    /// How many tokens there are.
    pub vocabulary: usize,
}

impl ReaderDescription {
    /// How wordings that it read are laid out in shards.
    #[must_use]
    pub fn layout(&self) -> WordingLayout {
        WordingLayout::new(self.width, self.vocabulary)
    }
}

/// What a question, or a wording, reads like.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its embedding, of length one.
    pub embedding: Vec<f32>,
    /// Its own tokens in the encoder's vocabulary, without prefix and special tokens; at most
    /// [`mome_pack::MAX_WORDING_TOKENS`].
    pub tokens: Vec<u32>,
    /// Whether the text is longer than what the reader reads, so that only its beginning counted.
    pub cut: bool,
}

impl Reading {
    /// What an expert keeps of this text.
    #[must_use]
    pub fn wording(&self, text: &str) -> Wording {
        Wording {
            hash: WordingHash::of(text),
            routing: RoutingKey::quantize(&self.embedding),
            tokens: self.tokens.clone(),
        }
    }
}

/// Why a text could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// The device that runs the encoder or the reranker failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The reader gave no reading for a text.
    #[error("the reader gave nothing back for a text")]
    Nothing,
    /// Another kind of reader failed.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}
