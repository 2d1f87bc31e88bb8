//! Files of a pack, verified and cached, whatever their source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::lock::Mutex as AsyncMutex;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use mome_pack::{Digest, Link, MAX_MANIFEST, MaybeSendSync};
use web_time::Instant;

use crate::cache::Cache;
use crate::location::MANIFEST;
use crate::source::looks_like_html;
use crate::{FileProblem, Freshness, HttpSource, Source, StoreError};

/// Bytes of objects that are kept in memory.
const CACHE_CAPACITY: usize = 64 << 20;
/// Files fetched at once; browsers and servers queue what is beyond.
const MAX_CONCURRENT: usize = 64;
/// Files of a stream that are on their way or at hand: the one in use is not among them.
const STREAM_AHEAD: usize = 2;
/// Pauses before a file is fetched once more.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(300)];

/// The files of one pack. Nothing leaves it unverified, except the manifest, which carries its own signature.
pub struct Store {
    source: Box<dyn Source>,
    on_fetch: Option<Box<OnFetch>>,
    cache: Mutex<Cache>,
    in_flight: Mutex<HashMap<Digest, Arc<InFlight>>>,
    fetched: Mutex<Fetched>,
}

/// An object that is being fetched: who comes later waits for the lock, and finds the outcome.
type InFlight = AsyncMutex<Option<Result<Arc<[u8]>, StoreError>>>;

#[cfg(not(target_arch = "wasm32"))]
type OnFetch = dyn Fn(Fetch) + Send + Sync;
#[cfg(target_arch = "wasm32")]
type OnFetch = dyn Fn(Fetch);

/// One file that came from the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// Its path in the pack.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// How long it took, retries included.
    pub milliseconds: f64,
}

/// Objects that came from the source: neither those from the cache, nor the manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// How many.
    pub objects: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// An object's bytes, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// Whether this call brought them from the source; else they were in memory, or another call brought them.
    pub is_fetched: bool,
}

impl Fetched {
    /// Those of these objects that their call brought.
    #[must_use]
    pub fn of(objects: &[Object]) -> Self {
        let fetched = objects.iter().filter(|object| object.is_fetched);
        fetched.fold(Self::default(), |sum, object| sum.and(object.bytes.len() as u64))
    }

    fn and(self, bytes: u64) -> Self {
        Self { objects: self.objects + 1, bytes: self.bytes + bytes }
    }
}

impl Store {
    /// The pack at a location: an `http://` or `https://` address or, natively, a folder or a `file://` address;
    /// each with or without `mome.json` at its end. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`StoreError::Location`] where there can be no pack.
    pub fn open(location: &str) -> Result<Self, StoreError> {
        #[cfg(not(target_arch = "wasm32"))]
        if !crate::location::is_http(location) {
            return Self::of_directory(&crate::location::folder(location)?);
        }
        Ok(Self::new(HttpSource::new(location)?))
    }

    /// The pack in a folder.
    ///
    /// # Errors
    /// [`StoreError::Location`] where there is no such folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of_directory(folder: &std::path::Path) -> Result<Self, StoreError> {
        Ok(Self::new(crate::DirectorySource::new(folder)?))
    }

    /// The pack whose files `source` brings.
    #[must_use]
    pub fn new(source: impl Source + 'static) -> Self {
        Self {
            source: Box::new(source),
            on_fetch: None,
            cache: Mutex::new(Cache::new(CACHE_CAPACITY)),
            in_flight: Mutex::default(),
            fetched: Mutex::default(),
        }
    }

    /// Calls `callback` after each file that came from the source, the manifest included.
    #[must_use]
    pub fn on_fetch(mut self, callback: impl Fn(Fetch) + MaybeSendSync + 'static) -> Self {
        self.on_fetch = Some(Box::new(callback));
        self
    }

    /// Where the pack lies, in words.
    #[must_use]
    pub fn location(&self) -> &str {
        self.source.location()
    }

    /// The bytes of `mome.json` as they are now.
    ///
    /// # Errors
    /// [`StoreError::File`] where it cannot be had, is longer than 4 MiB, or is an HTML page.
    pub async fn manifest(&self) -> Result<Vec<u8>, StoreError> {
        self.fetch(MANIFEST, MAX_MANIFEST, Freshness::Revalidate, |bytes| {
            if looks_like_html(bytes) { Err(FileProblem::HtmlPage) } else { Ok(()) }
        })
        .await
    }

    /// An object, from memory or from the source. Requests at the same time for the same object fetch it once.
    ///
    /// # Errors
    /// [`StoreError::File`] where it cannot be had, or where its bytes are not those that the link names.
    pub async fn object(&self, link: &Link) -> Result<Object, StoreError> {
        let known = |bytes| Object { bytes, is_fetched: false };
        if let Some(bytes) = lock(&self.cache).get(&link.digest) {
            return Ok(known(bytes));
        }
        let in_flight = lock(&self.in_flight).entry(link.digest).or_default().clone();
        let mut outcome = in_flight.lock().await;
        if let Some(outcome) = outcome.as_ref() {
            return outcome.clone().map(known);
        }
        let fetched = self.fetch_object(link).await;
        *outcome = Some(fetched.clone());
        lock(&self.in_flight).remove(&link.digest);
        fetched.map(|bytes| Object { bytes, is_fetched: true })
    }

    /// Several objects in the order asked for, fetched at the same time.
    ///
    /// # Errors
    /// The first error of [`Store::object`] among them.
    pub async fn objects(&self, links: &[Link]) -> Result<Vec<Object>, StoreError> {
        let requests: Vec<_> = links.iter().map(|link| self.object(link)).collect();
        stream::iter(requests).buffered(MAX_CONCURRENT).try_collect().await
    }

    /// Objects one after another, each verified before it is handed over. None is kept: for files that are used up as
    /// they arrive. While one is used the next is fetched.
    ///
    /// # Errors
    /// As [`Store::object`]; the stream is of no use after an error.
    pub fn stream(&self, links: &[Link]) -> impl Stream<Item = Result<Vec<u8>, StoreError>> {
        let requests: Vec<_> = links.iter().map(|link| self.fetch_verified(link)).collect();
        stream::iter(requests).buffered(STREAM_AHEAD)
    }

    /// What came from the source so far, for whomever.
    #[must_use]
    pub fn fetched(&self) -> Fetched {
        *lock(&self.fetched)
    }

    async fn fetch_object(&self, link: &Link) -> Result<Arc<[u8]>, StoreError> {
        let bytes: Arc<[u8]> = self.fetch_verified(link).await?.into();
        lock(&self.cache).insert(link.digest, bytes.clone());
        Ok(bytes)
    }

    async fn fetch_verified(&self, link: &Link) -> Result<Vec<u8>, StoreError> {
        let path = link.digest.path();
        let bytes = self.fetch(&path, link.length, Freshness::Immutable, |bytes| verify(bytes, link)).await?;
        let mut fetched = lock(&self.fetched);
        *fetched = fetched.and(link.length);
        Ok(bytes)
    }

    /// A file that passes `check`. What fails and may be a passing fault is fetched again, past all caches.
    async fn fetch(
        &self,
        path: &str,
        limit: u64,
        mut freshness: Freshness,
        check: impl Fn(&[u8]) -> Result<(), FileProblem>,
    ) -> Result<Vec<u8>, StoreError> {
        let start = Instant::now();
        let mut pauses = RETRY_PAUSES.iter();
        loop {
            let attempt = self.source.get(path, limit, freshness).await.map_err(FileProblem::from);
            match attempt.and_then(|bytes| check(&bytes).map(|()| bytes)) {
                Ok(bytes) => {
                    if let Some(on_fetch) = &self.on_fetch {
                        let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
                        on_fetch(Fetch { path: path.into(), bytes: bytes.len() as u64, milliseconds });
                    }
                    return Ok(bytes);
                }
                Err(problem) => match pauses.next() {
                    Some(&pause) if problem.is_worth_a_retry() => sleep(pause).await,
                    _ => {
                        let (path, location) = (path.into(), self.location().into());
                        return Err(StoreError::File { path, location, problem });
                    }
                },
            }
            freshness = Freshness::Reload;
        }
    }
}

/// Whether `bytes` are those that `link` names; if not, why.
fn verify(bytes: &[u8], link: &Link) -> Result<(), FileProblem> {
    let found = Link::to(bytes);
    if found == *link {
        Ok(())
    } else if looks_like_html(bytes) {
        Err(FileProblem::HtmlPage)
    } else if found.length != link.length {
        Err(FileProblem::Length { expected: link.length, found: found.length })
    } else {
        Err(FileProblem::Digest { found: found.digest })
    }
}

/// Locks what stays whole even where another thread panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(not(target_arch = "wasm32"))]
async fn sleep(pause: Duration) {
    blocking::unblock(move || std::thread::sleep(pause)).await;
}

#[cfg(target_arch = "wasm32")]
async fn sleep(pause: Duration) {
    gloo_timers::future::sleep(pause).await;
}
