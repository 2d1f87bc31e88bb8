//! A backbone without memory: for tests that compare a browser's arithmetic with a reference.

use std::str::FromStr;
use std::sync::Arc;

use mome_engine::{DeviceChoice, Executor, Head, Pass, greedy};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// A backbone on a device.
#[wasm_bindgen]
pub struct Backbone {
    executor: Arc<dyn Executor>,
}

#[wasm_bindgen]
impl Backbone {
    /// Reads a GGUF file and puts it on a device: `auto`, `gpu` or `cpu`.
    ///
    /// # Errors
    /// Where the file is not a usable GGUF or the device cannot be had.
    pub async fn load(bytes: Vec<u8>, device: String) -> Result<Backbone, JsError> {
        let device = DeviceChoice::from_str(&device).map_err(|problem| JsError::new(&problem))?;
        Ok(Self { executor: mome_engine::open(&bytes, device).await?.executor })
    }

    /// The device in words.
    #[wasm_bindgen(getter)]
    pub fn device(&self) -> String {
        self.executor.device().to_owned()
    }

    /// Multiplies every weight matrix with a vector, for the time that it takes; false where the device cannot do that
    /// by itself.
    ///
    /// # Errors
    /// What the device reports.
    #[wasm_bindgen(js_name = multiplyWeights)]
    pub async fn multiply_weights(&self, rounds: usize) -> Result<bool, JsError> {
        Ok(self.executor.multiply_weights(rounds).await?)
    }

    /// Logits after each token, `[tokens, V]`.
    ///
    /// # Errors
    /// Where a token is not in the vocabulary, they do not fit the context, or the device fails.
    pub async fn logits(&self, tokens: Vec<u32>) -> Result<Vec<f32>, JsError> {
        let mut sequence = self.executor.begin(tokens.len())?;
        let head = Head { rows: tokens.len(), logits: true, ..Head::default() };
        let output = sequence.run(Pass { tokens: &tokens, head: Some(head), ..Pass::default() }).await?;
        Ok(output.logits)
    }

    /// The `count` tokens that greedily follow the prompt, or as many of them as the context holds.
    ///
    /// # Errors
    /// As for [`Backbone::logits`].
    pub async fn generate(&self, prompt: Vec<u32>, count: usize) -> Result<Vec<u32>, JsError> {
        let generated = greedy(&*self.executor, &prompt, count, |_| true).await?;
        Ok(generated.into_iter().map(|prediction| prediction.token).collect())
    }
}
