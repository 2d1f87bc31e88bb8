//! The reader: a sentence encoder that turns a question into an embedding, and a reranker that looks at it beside
//! stored wordings.

use std::sync::Arc;

use mome_backbone::EncoderInput;
use mome_engine::{EncoderExecutor, RerankLogits, TokenPair};
use mome_pack::{MAX_WORDING_TOKENS, RoutingKey, Wording, WordingHash, plain_text};

use crate::MomeError;

/// An encoder on a device, with its reranker where there is one.
#[derive(Clone)]
pub struct Reader {
    executor: Arc<dyn EncoderExecutor>,
    /// What is put before every text for its embedding.
    prefix: String,
}

/// What a question, or a wording, reads like.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its embedding, of length one.
    pub embedding: Vec<f32>,
    /// Its own tokens in the encoder's vocabulary, without prefix and special tokens; at most
    /// [`MAX_WORDING_TOKENS`].
    pub tokens: Vec<u32>,
    /// Whether the text is longer than what the encoder or the reranker reads, so that only its beginning counted.
    pub cut: bool,
}

impl Reader {
    /// A reader that puts `prefix` before every text for its embedding.
    #[must_use]
    pub fn new(executor: Arc<dyn EncoderExecutor>, prefix: impl Into<String>) -> Self {
        Self { executor, prefix: prefix.into() }
    }

    /// What runs the encoder.
    #[must_use]
    pub fn executor(&self) -> &Arc<dyn EncoderExecutor> {
        &self.executor
    }

    /// What is put before every text.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether questions are judged beside wordings, or only compared by their embeddings.
    #[must_use]
    pub fn judges(&self) -> bool {
        self.executor.reranker().is_some()
    }

    /// Reads a question.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn read(&self, text: &str) -> Result<Reading, MomeError> {
        let mut readings = self.read_all(&[text]).await?;
        Ok(readings.remove(0))
    }

    /// Reads several texts in one batch.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn read_all(&self, texts: &[&str]) -> Result<Vec<Reading>, MomeError> {
        let encoder = self.executor.encoder();
        let context = encoder.config().context;
        let (mut inputs, mut readings) = (Vec::new(), Vec::new());
        for text in texts {
            let text = plain_text(text);
            let mut own = self.tokens(&text);
            let prefixed = if self.prefix.is_empty() {
                own.clone()
            } else {
                self.tokens(&(self.prefix.clone() + &text))
            };
            let input = encoder.frame().single(&prefixed, context);
            let cut = input.cut > 0 || own.len() > MAX_WORDING_TOKENS;
            own.truncate(MAX_WORDING_TOKENS);
            inputs.push(input);
            readings.push(Reading { embedding: Vec::new(), tokens: own, cut });
        }
        let tokens: Vec<&[u32]> = inputs.iter().map(|input| input.ids.as_slice()).collect();
        let embeddings = self.executor.embed(&tokens).await?;
        let filled = readings.into_iter().zip(embeddings);
        Ok(filled.map(|(reading, embedding)| Reading { embedding, ..reading }).collect())
    }

    /// Judges a question beside each of these wordings, all given by their own tokens, in one batch. Nothing where there
    /// is no reranker.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn judge(&self, question: &[u32], wordings: &[&[u32]]) -> Result<Vec<RerankLogits>, MomeError> {
        let encoder = self.executor.encoder();
        if !self.judges() || wordings.is_empty() {
            return Ok(Vec::new());
        }
        let (frame, context) = (encoder.frame(), encoder.config().context);
        let inputs: Vec<EncoderInput> =
            wordings.iter().map(|wording| frame.pair(question, wording, context)).collect();
        let pairs: Vec<TokenPair<'_>> =
            inputs.iter().map(|input| TokenPair { tokens: &input.ids, second: input.types_from }).collect();
        Ok(self.executor.rerank(&pairs).await?)
    }

    /// Whether a text is so long that only its beginning is read, or kept where it is stored.
    #[must_use]
    pub fn cuts(&self, text: &str) -> bool {
        self.tokens(&plain_text(text)).len() > MAX_WORDING_TOKENS
    }

    fn tokens(&self, text: &str) -> Vec<u32> {
        self.executor.encoder().tokenizer().encode(text).into_iter().map(|token| token.id).collect()
    }
}

impl Reading {
    /// What an expert keeps of this text.
    #[must_use]
    pub fn wording(&self, text: &str) -> Wording {
        Wording {
            hash: WordingHash::of(text),
            routing: RoutingKey::quantise(&self.embedding),
            tokens: self.tokens.clone(),
        }
    }
}
