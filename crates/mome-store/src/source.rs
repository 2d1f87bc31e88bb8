//! What every source of a pack's files can do.

use async_trait::async_trait;
use mome_pack::MaybeSendSync;
use thiserror::Error;

/// What to do where a server sends something other than the file.
pub(crate) const CHECK_ADDRESS: &str =
    "is this the address of the folder that holds mome.json, and was the pack uploaded whole?";

/// A place that the files of one pack lie at.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait Source: MaybeSendSync {
    /// The whole file at `path`, a path relative to the pack with `/` between its parts. It is read as a
    /// stream, so that never more than about `limit` bytes are held.
    ///
    /// # Errors
    /// [`SourceError::TooLong`] where the file has more than `limit` bytes, and whatever kept it from being
    /// read.
    async fn get(&self, path: &str, limit: u64, freshness: Freshness) -> Result<Vec<u8>, SourceError>;

    /// The place in words, for people: a URL or a folder.
    fn location(&self) -> &str;
}

/// How old a copy of a file may be. Only browsers keep copies; other sources always read anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Any copy will do: the file never changes (fetch's `force-cache`).
    Immutable,
    /// A copy will do once the server has said that it is still good (fetch's `no-cache`).
    Revalidate,
    /// No copy will do (fetch's `reload`).
    Reload,
}

/// Why a source did not bring a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A directory has no such file.
    #[error("there is no such file; is this the folder that holds mome.json, and was the pack copied whole?")]
    Missing,
    /// The server answered with another status than 200.
    #[error("the server answered {status}{}; {}", if *html { " with an HTML page" } else { "" }, CHECK_ADDRESS)]
    Status {
        /// The HTTP status.
        status: u16,
        /// Whether the body was an HTML page.
        html: bool,
    },
    /// The body was cut off, because it is longer than asked for.
    #[error(
        "{} than the {limit} bytes that it may have; {}",
        if *html { "the server sent an HTML page, longer" } else { "it is longer" },
        CHECK_ADDRESS
    )]
    TooLong {
        /// The most bytes there may be.
        limit: u64,
        /// Whether what came looks like an HTML page.
        html: bool,
    },
    /// The path does not stay inside the pack.
    #[error("this path leads out of the pack")]
    Outside,
    /// The connection or the disk failed.
    #[error("{0}")]
    Transport(String),
}

impl SourceError {
    /// Whether the same request may well succeed a moment later.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Missing | Self::Outside => false,
            Self::Status { status, .. } => !(400..500).contains(status),
            Self::TooLong { .. } | Self::Transport(_) => true,
        }
    }
}

/// Whether bytes begin as an HTML page does, which servers like to send in place of a file they do not have.
pub(crate) fn looks_like_html(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    ["<!doctype html", "<html", "<head", "<!--"]
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_known_by_its_beginning() {
        for page in ["<!DOCTYPE html><p>", "\u{feff}\n <html lang=en>", "<HTML>", "<!-- moved -->"] {
            assert!(looks_like_html(page.as_bytes()), "{page}");
        }
        for file in ["", "<", "{\"format\": 1}", "<svg>", "see <html>"] {
            assert!(!looks_like_html(file.as_bytes()), "{file}");
        }
    }
}
