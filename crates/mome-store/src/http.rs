//! A pack on an HTTP server: plain GET of whole files, without headers of our own.

#[cfg_attr(target_arch = "wasm32", path = "http/browser.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "http/native.rs")]
mod client;

use async_trait::async_trait;
use client::Client;

use crate::location::base_url;
use crate::source::looks_like_html;
use crate::{Freshness, Source, SourceError, StoreError};

/// The files of a pack below one address.
pub struct HttpSource {
    client: Client,
    base: String,
}

/// What a client brings of one response.
struct Response {
    status: u16,
    /// At most as many bytes as were asked for.
    body: Vec<u8>,
    /// Whether the body had more.
    cut: bool,
}

impl HttpSource {
    /// The pack at `location`: an `http://` or `https://` address of its folder, with or without a slash or
    /// `mome.json` at its end.
    ///
    /// # Errors
    /// [`StoreError::Location`] where this is no such address, or where it carries a query or a fragment.
    pub fn new(location: &str) -> Result<Self, StoreError> {
        Ok(Self { client: Client::new(), base: base_url(location)? })
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl Source for HttpSource {
    async fn get(&self, path: &str, limit: u64, freshness: Freshness) -> Result<Vec<u8>, SourceError> {
        let url = format!("{}{path}", self.base);
        let Response { status, body, cut } = self.client.get(url, limit, freshness).await?;
        if status != 200 {
            return Err(SourceError::Status { status, html: looks_like_html(&body) });
        }
        if cut {
            return Err(SourceError::TooLong { limit, html: looks_like_html(&body) });
        }
        Ok(body)
    }

    fn location(&self) -> &str {
        &self.base
    }
}
