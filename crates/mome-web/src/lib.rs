//! Mome for web pages: what the worker of the npm package calls. On other targets this crate is empty.

#![cfg(target_arch = "wasm32")]

mod backbone;
mod encoder;
mod mome;

pub use backbone::Backbone;
pub use encoder::Encoder;
pub use mome::Mome;

use wasm_bindgen::prelude::wasm_bindgen;

/// Runs once, when the wasm module is instantiated. A panic is a defect; this makes it legible in the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}
