//! The reader that runs here: a sentence encoder on a device, and a reranker on top of it.

use std::sync::Arc;

use async_trait::async_trait;
use mome_backbone::EncoderInput;
use mome_engine::{EncoderExecutor, RerankLogits, TokenPair};
use mome_pack::{Digest, MAX_WORDING_TOKENS, plain_text};

use crate::{Reader, ReaderDescription, ReaderError, Reading};

/// An encoder on a device, with its reranker where there is one.
#[derive(Clone)]
pub struct EncoderReader {
    executor: Arc<dyn EncoderExecutor>,
    description: ReaderDescription,
}

impl EncoderReader {
    /// A reader that puts `prefix` before every text for its embedding.
    #[must_use]
    pub fn new(executor: Arc<dyn EncoderExecutor>, prefix: impl Into<String>) -> Self {
        let (encoder, reranker) = (executor.encoder(), executor.reranker());
        let description = ReaderDescription {
            encoder: encoder.file().digest().map(Digest),
            reranker: reranker.and_then(|reranker| reranker.file().digest()).map(Digest),
            judges: reranker.is_some(),
            prefix: prefix.into(),
            width: encoder.config().block.hidden,
            vocabulary: encoder.config().vocabulary,
        };
        Self { executor, description }
    }

    /// What runs the encoder.
    #[must_use]
    pub fn executor(&self) -> &Arc<dyn EncoderExecutor> {
        &self.executor
    }

    fn tokens(&self, text: &str) -> Vec<u32> {
        self.executor.encoder().tokenizer().encode(text).into_iter().map(|token| token.id).collect()
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Reader for EncoderReader {
    fn description(&self) -> &ReaderDescription {
        &self.description
    }

    async fn read_all(&self, texts: &[&str]) -> Result<Vec<Reading>, ReaderError> {
        let encoder = self.executor.encoder();
        let context = encoder.config().context;
        let prefix = &self.description.prefix;
        let (mut inputs, mut readings) = (Vec::new(), Vec::new());
        for text in texts {
            let text = plain_text(text);
            let mut own = self.tokens(&text);
            let prefixed =
                if prefix.is_empty() { own.clone() } else { self.tokens(&(prefix.clone() + &text)) };
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

    async fn judge(&self, question: &[u32], wordings: &[&[u32]]) -> Result<Vec<RerankLogits>, ReaderError> {
        let encoder = self.executor.encoder();
        if !self.description.judges || wordings.is_empty() {
            return Ok(Vec::new());
        }
        let (frame, context) = (encoder.frame(), encoder.config().context);
        let inputs: Vec<EncoderInput> =
            wordings.iter().map(|wording| frame.pair(question, wording, context)).collect();
        let pairs: Vec<TokenPair<'_>> =
            inputs.iter().map(|input| TokenPair { tokens: &input.ids, second: input.types_from }).collect();
        Ok(self.executor.rerank(&pairs).await?)
    }

    fn cuts(&self, text: &str) -> bool {
        self.tokens(&plain_text(text)).len() > MAX_WORDING_TOKENS
    }
}
