//! A sentence encoder and its reranker by themselves: for tests that compare a browser's arithmetic with a reference.

use std::str::FromStr;
use std::sync::Arc;

use mome_engine::{DeviceChoice, EncoderExecutor, TokenPair, open_encoder};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// An encoder on a device, and perhaps a reranker.
#[wasm_bindgen]
pub struct Encoder {
    executor: Arc<dyn EncoderExecutor>,
}

#[wasm_bindgen]
impl Encoder {
    /// Reads GGUF files and puts them on a device: `auto`, `gpu` or `cpu`.
    ///
    /// # Errors
    /// Where a file cannot be used or the device cannot be had.
    pub async fn load(
        encoder: Vec<u8>,
        reranker: Option<Vec<u8>>,
        device: String,
    ) -> Result<Encoder, JsError> {
        let device = DeviceChoice::from_str(&device).map_err(|problem| JsError::new(&problem))?;
        let opened = open_encoder(&encoder, reranker.as_deref(), device).await?;
        Ok(Self { executor: opened.executor })
    }

    /// The device in words.
    #[wasm_bindgen(getter)]
    pub fn device(&self) -> String {
        self.executor.device().to_owned()
    }

    /// The states of one text after a layer, `[tokens, d]`: 0 is the embedding.
    ///
    /// # Errors
    /// Where a token or the layer does not exist, they do not fit the context, or the device fails.
    pub async fn states(&self, tokens: Vec<u32>, layer: usize) -> Result<Vec<f32>, JsError> {
        Ok(self.executor.states(TokenPair::single(&tokens), &[layer]).await?.concat())
    }

    /// The embeddings of a batch of texts, `[texts, d]`. Their tokens come one text after the other.
    ///
    /// # Errors
    /// As [`Encoder::states`].
    pub async fn embed(&self, tokens: Vec<u32>, lengths: Vec<usize>) -> Result<Vec<f32>, JsError> {
        let texts = cut(&tokens, &lengths)?;
        Ok(self.executor.embed(&texts).await?.concat())
    }

    /// The logits of a batch of pairs, `[pairs, 3]`: same, changed, other. Of each pair the second text begins at its
    /// number of `seconds`.
    ///
    /// # Errors
    /// As [`Encoder::states`], and where there is no reranker.
    pub async fn rerank(
        &self,
        tokens: Vec<u32>,
        lengths: Vec<usize>,
        seconds: Vec<usize>,
    ) -> Result<Vec<f32>, JsError> {
        let texts = cut(&tokens, &lengths)?;
        let pairs = texts.into_iter().zip(seconds).map(|(tokens, second)| TokenPair { tokens, second });
        let logits = self.executor.rerank(&pairs.collect::<Vec<_>>()).await?;
        Ok(logits.iter().flat_map(|pair| [pair.same, pair.changed, pair.other]).collect())
    }
}

/// Cuts tokens into texts of these lengths.
fn cut<'a>(mut tokens: &'a [u32], lengths: &[usize]) -> Result<Vec<&'a [u32]>, JsError> {
    let mut texts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let short = || JsError::new("there are fewer tokens than the lengths say");
        let (text, others) = tokens.split_at_checked(*length).ok_or_else(short)?;
        texts.push(text);
        tokens = others;
    }
    Ok(texts)
}
