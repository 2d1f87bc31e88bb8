//! A pack, loaded and ready to be asked.

use std::str::FromStr;

use ::mome::{AnswerOptions, LoadOptions};
use js_sys::Function;
use mome_engine::DeviceChoice;
use mome_store::Store;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, JsValue};

/// A pack of memorised facts on a device.
#[wasm_bindgen]
pub struct Mome {
    inner: ::mome::Mome,
}

#[wasm_bindgen]
impl Mome {
    /// Loads the pack at an absolute URL. `device` is `auto`, `gpu` or `cpu`; `on_fetch(path, bytes, milliseconds)`
    /// is called after each file fetched, later ones included.
    ///
    /// # Errors
    /// Where the device is not known, or with what fetching, checking or starting reports.
    pub async fn load(
        url: String,
        device: String,
        alpha: Option<f64>,
        #[wasm_bindgen(js_name = onFetch)] on_fetch: Function,
    ) -> Result<Mome, JsError> {
        let device = DeviceChoice::from_str(&device).map_err(|problem| JsError::new(&problem))?;
        let store = Store::open(&url)?.on_fetch(move |fetch| {
            let (path, bytes) = (JsValue::from(&fetch.path), JsValue::from(fetch.bytes as f64));
            // What the page's callback throws is the page's affair and stops no answer.
            let _ = on_fetch.call3(&JsValue::NULL, &path, &bytes, &JsValue::from(fetch.milliseconds));
        });
        let options = LoadOptions { engine: device.into(), alpha, ..LoadOptions::default() };
        let inner = ::mome::Mome::load(store, options).await?;
        Ok(Self { inner })
    }

    /// Answers a question; the result is the `Answer` of the TypeScript declarations.
    ///
    /// # Errors
    /// With what fetching or running the backbone reports.
    pub async fn answer(&self, question: String, alpha: Option<f64>) -> Result<JsValue, JsError> {
        let answer = self.inner.answer(&question, &AnswerOptions { alpha }).await?;
        // As JSON would have it: null for what is not there, plain numbers for counts.
        Ok(answer.serialize(&Serializer::json_compatible())?)
    }

    /// The device that runs the backbone, in words.
    #[wasm_bindgen(getter)]
    pub fn device(&self) -> String {
        self.inner.device().to_owned()
    }

    /// Why no GPU was taken, where `auto` took none.
    #[wasm_bindgen(getter, js_name = deviceNote)]
    pub fn device_note(&self) -> Option<String> {
        self.inner.device_note().map(str::to_owned)
    }
}
