//! HTTP through the browser's `fetch`, in pages and in workers.

use gloo_net::http::Request;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamDefaultReader, RequestCache};

use super::Response;
use crate::{Freshness, SourceError};

/// The browser, which pools connections itself.
pub(super) struct Client;

impl Client {
    pub(super) fn new() -> Self {
        Self
    }

    /// Gets `url` and at most `limit` bytes of its body.
    pub(super) async fn get(
        &self,
        url: String,
        limit: u64,
        freshness: Freshness,
    ) -> Result<Response, SourceError> {
        let cache = match freshness {
            Freshness::Immutable => RequestCache::ForceCache,
            Freshness::Revalidate => RequestCache::NoCache,
            Freshness::Reload => RequestCache::Reload,
        };
        // The browser hides from scripts which of the two it was.
        let response = Request::get(&url).cache(cache).send().await.map_err(|error| {
            SourceError::Transport(format!(
                "the server cannot be reached or does not let other sites read it \
                 (Access-Control-Allow-Origin): {error}"
            ))
        })?;
        let (body, cut) = match response.body() {
            Some(stream) => read(&stream, limit).await.map_err(broken)?,
            None => (Vec::new(), false),
        };
        Ok(Response { status: response.status(), body, cut })
    }
}

/// At most `limit` bytes of a stream, and whether it had more. Beyond them at most one chunk is held.
async fn read(stream: &ReadableStream, limit: u64) -> Result<(Vec<u8>, bool), JsValue> {
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut body = Vec::new();
    loop {
        let next = JsFuture::from(reader.read()).await?;
        if Reflect::get(&next, &"done".into())?.is_truthy() {
            return Ok((body, false));
        }
        let chunk: Uint8Array = Reflect::get(&next, &"value".into())?.dyn_into()?;
        let room = usize::try_from(limit).unwrap_or(usize::MAX) - body.len();
        if chunk.length() as usize > room {
            body.extend(chunk.subarray(0, room as u32).to_vec());
            // Whether the browser minds being told to stop makes no difference.
            drop(reader.cancel());
            return Ok((body, true));
        }
        body.extend(chunk.to_vec());
    }
}

fn broken(error: JsValue) -> SourceError {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    SourceError::Transport(format!("the server broke off: {}", message.unwrap_or_default()))
}
