//! A pack that is open: its manifest, query object and index are at hand, its shards come when they are asked for.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use mome_backbone::Backbone;
use mome_engine::{EncoderOpening, OpenOptions, Opened, Opening, QueryProjection, open_encoder};
use mome_pack::{Digest, Envelope, Expert, Link, Manifest, PackError, Query, Root, Shard};
use mome_retrieval::gate::{Decision, decision, fits};
use mome_retrieval::{EncoderReader, FlatRouter, Reader as _, ReaderDescription, Router};
use mome_store::{Fetched, Store};

use crate::{MomeError, ReaderFiles};

/// An open pack.
pub struct Pack {
    store: Store,
    envelope: Envelope,
    manifest: Manifest,
    query: Query,
    projection: QueryProjection,
    router: Box<dyn Router<Shard = Link>>,
    /// What was decided last, and for which alpha: thresholds take a while, and one alpha is asked for again and again.
    decided: Mutex<Option<(f64, Option<Arc<Decision>>)>>,
}

/// Experts of a pack, and what was fetched for them.
pub struct Experts {
    /// The experts.
    pub experts: Vec<Expert>,
    /// What was fetched.
    pub fetched: Fetched,
}

impl Pack {
    /// Fetches the manifest, then the query object and the index.
    ///
    /// # Errors
    /// [`MomeError::Store`] where an object cannot be had, [`MomeError::Object`] where one cannot be read.
    pub async fn open(store: Store) -> Result<Self, MomeError> {
        let envelope = Envelope::decode(&store.manifest().await?).map_err(in_object("mome.json"))?;
        let manifest = Manifest::from_json(&envelope.payload).map_err(in_object("mome.json"))?;
        for gate in manifest.gate.iter().chain(&manifest.reader.gate) {
            if !fits(&gate.gate) {
                let problem = "has other features than this build of Mome has".to_owned();
                let error = PackError::Field { object: "manifest", field: "gate", problem };
                return Err(in_object("mome.json")(error));
            }
        }
        let objects = store.objects(&[manifest.query, manifest.root]).await?;
        let [query, root] = objects.as_slice() else { unreachable!("an object for each link") };
        let query = Query::decode(&query.bytes).map_err(in_object(manifest.query.digest.path()))?;
        let root = Root::decode(&root.bytes).map_err(in_object(manifest.root.digest.path()))?;
        let projection = QueryProjection(query.projection.dequantize().into());
        let router = Box::new(FlatRouter::from(root));
        Ok(Self { store, envelope, manifest, query, projection, router, decided: Mutex::default() })
    }

    /// What the pack is made of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Which gate decides at this alpha; `None` where the pack has none, and only stored wordings are answered.
    #[must_use]
    pub fn decision(&self, alpha: f64) -> Option<Arc<Decision>> {
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        match decided.as_ref() {
            Some((known, decision)) if known.to_bits() == alpha.to_bits() => decision.clone(),
            _ => {
                let Manifest { gate, reader, .. } = &self.manifest;
                let decision = decision(gate.as_ref(), reader.gate.as_ref(), alpha).map(Arc::new);
                *decided = Some((alpha, decision.clone()));
                decision
            }
        }
    }

    /// How the backbone attends to slots.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// W_query in floats.
    #[must_use]
    pub fn query_projection(&self) -> &QueryProjection {
        &self.projection
    }

    /// What knows in which shards to look.
    #[must_use]
    pub fn router(&self) -> &dyn Router<Shard = Link> {
        self.router.as_ref()
    }

    /// The manifest as it came, with its signatures.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Where the pack's objects come from.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The experts that may hold the answer to a question with this embedding, from the shards that the index names.
    ///
    /// # Errors
    /// [`MomeError::Router`] where the index cannot be asked, [`MomeError::Store`] where a shard cannot be had,
    /// [`MomeError::Object`] where one cannot be read.
    pub async fn experts_near(&self, embedding: &[f32]) -> Result<Experts, MomeError> {
        self.experts_of(&self.router.route(embedding).await?).await
    }

    /// All experts.
    ///
    /// # Errors
    /// As [`Pack::experts_near`].
    pub async fn all_experts(&self) -> Result<Vec<Expert>, MomeError> {
        let lists = self.router.lists().await?;
        let shards: Vec<Link> = lists.into_iter().map(|list| list.shard).collect();
        Ok(self.experts_of(&shards).await?.experts)
    }

    /// The experts of these shards, each once, though shards may share some.
    async fn experts_of(&self, shards: &[Link]) -> Result<Experts, MomeError> {
        let objects = self.store.objects(shards).await?;
        let mut experts: Vec<Expert> = Vec::new();
        for (object, link) in objects.iter().zip(shards) {
            for expert in self.decode_shard(&object.bytes, link)?.experts {
                if !experts.iter().any(|known| known.id == expert.id) {
                    experts.push(expert);
                }
            }
        }
        Ok(Experts { experts, fetched: Fetched::of(&objects) })
    }

    /// A shard of this pack.
    ///
    /// # Errors
    /// [`MomeError::Store`] where it cannot be had, [`MomeError::Object`] where it cannot be read.
    pub async fn shard(&self, link: &Link) -> Result<Shard, MomeError> {
        self.decode_shard(&self.store.object(link).await?.bytes, link)
    }

    /// Reads a shard, and refuses one whose wordings have embeddings of another width than the index.
    fn decode_shard(&self, bytes: &[u8], link: &Link) -> Result<Shard, MomeError> {
        let shard = Shard::decode(bytes).map_err(in_object(link.digest.path()))?;
        let (found, width) = (shard.layout.width, self.router.width());
        if found != width {
            let problem = format!("is {found}, and that of the index {width}");
            let error = PackError::Field { object: "shard", field: "width of routing keys", problem };
            return Err(in_object(link.digest.path())(error));
        }
        Ok(shard)
    }

    /// Fetches the pack's backbone and puts it on a device part by part.
    ///
    /// # Errors
    /// [`MomeError::Store`] where a part cannot be had, [`MomeError::Engine`] where the file cannot be read or the
    /// device not be used, and [`MomeError::OtherModel`] where the parts do not make the file that they should.
    pub async fn open_backbone(&self, options: OpenOptions) -> Result<Opened, MomeError> {
        let parts = &self.manifest.backbone.parts;
        let mut opening = Opening::new(length(parts), options);
        let mut arriving = pin!(self.store.stream(parts));
        while let Some(part) = arriving.try_next().await? {
            opening.push(&part).await?;
        }
        let opened = opening.finish().await?;
        self.check_backbone(opened.executor.backbone())?;
        Ok(opened)
    }

    /// Fetches the pack's reader and puts it on a device part by part, the encoder first.
    ///
    /// # Errors
    /// As [`Pack::open_backbone`].
    pub async fn open_reader(&self, options: OpenOptions) -> Result<EncoderReader, MomeError> {
        let encoder = &self.manifest.reader.encoder.parts;
        let mut opening = EncoderOpening::new(length(encoder), options);
        let mut arriving = pin!(self.store.stream(encoder));
        while let Some(part) = arriving.try_next().await? {
            opening.push(&part).await?;
        }
        let opened = match &self.manifest.reader.reranker {
            None => opening.finish().await?,
            Some(reranker) => {
                let mut opening = opening.begin_reranker(length(&reranker.parts))?;
                let mut arriving = pin!(self.store.stream(&reranker.parts));
                while let Some(part) = arriving.try_next().await? {
                    opening.push(&part).await?;
                }
                opening.finish().await?
            }
        };
        let reader = EncoderReader::new(opened.executor, &self.manifest.reader.prefix);
        self.check_reader(reader.description())?;
        Ok(reader)
    }

    /// Puts the pack's reader on a device from files at hand.
    ///
    /// # Errors
    /// [`MomeError::Engine`] where a file cannot be read or the device not be used, and [`MomeError::OtherModel`]
    /// where they are not the pack's.
    pub async fn reader_of(
        &self,
        files: &ReaderFiles,
        options: OpenOptions,
    ) -> Result<EncoderReader, MomeError> {
        let opened = open_encoder(&files.encoder, files.reranker.as_deref(), options).await?;
        let reader = EncoderReader::new(opened.executor, &self.manifest.reader.prefix);
        self.check_reader(reader.description())?;
        Ok(reader)
    }

    /// Whether this is the file of the pack's backbone.
    #[must_use]
    pub fn is_backbone(&self, file: &[u8]) -> bool {
        Digest::of(file) == self.manifest.backbone.digest
    }

    /// Whether these are the files of the pack's reader.
    #[must_use]
    pub fn is_reader(&self, files: &ReaderFiles) -> bool {
        let reader = &self.manifest.reader;
        let reranker = files.reranker.as_ref().map(|file| Digest::of(file));
        Digest::of(&files.encoder) == reader.encoder.digest
            && reranker == reader.reranker.as_ref().map(|reranker| reranker.digest)
    }

    /// Makes sure that this is the pack's backbone, and that the query object was made for it.
    ///
    /// # Errors
    /// [`MomeError::OtherModel`] or [`MomeError::Query`].
    pub fn check_backbone(&self, backbone: &Backbone) -> Result<(), MomeError> {
        let wanted = self.manifest.backbone.digest;
        check_digest("backbone", wanted, backbone.digest().map(Digest))?;
        if self.query.backbone != wanted {
            let problem = format!("it was made for {}, not for {wanted}", self.query.backbone);
            return Err(MomeError::Query(problem));
        }
        let (width, hidden) = (self.query.hidden(), backbone.config().hidden);
        if width != hidden {
            return Err(MomeError::Query(format!("it reads states of width {width}, not {hidden}")));
        }
        Ok(())
    }

    /// Makes sure that this is the pack's reader, and that its embeddings are as wide as the index's.
    ///
    /// # Errors
    /// [`MomeError::OtherModel`] or [`MomeError::Object`].
    pub fn check_reader(&self, reader: &ReaderDescription) -> Result<(), MomeError> {
        let of_pack = &self.manifest.reader;
        check_digest("encoder", of_pack.encoder.digest, reader.encoder)?;
        if let Some(reranker) = &of_pack.reranker {
            check_digest("reranker", reranker.digest, reader.reranker)?;
        }
        let width = self.router.width();
        if width != reader.width {
            let problem = format!(
                "has centroids of width {width}, and the encoder embeddings of width {}",
                reader.width
            );
            let error = PackError::Field { object: "root page", field: "width of routing keys", problem };
            return Err(in_object(self.manifest.root.digest.path())(error));
        }
        Ok(())
    }
}

/// The bytes of a file in parts. Lengths are the manifest's word: a sum that overflows is longer than any file.
fn length(parts: &[Link]) -> u64 {
    parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.length))
}

fn check_digest(model: &'static str, wanted: Digest, found: Option<Digest>) -> Result<(), MomeError> {
    if found == Some(wanted) { Ok(()) } else { Err(MomeError::OtherModel { model, wanted, found }) }
}

/// Names the object that an error is about.
fn in_object(name: impl Into<String>) -> impl FnOnce(PackError) -> MomeError {
    let name = name.into();
    move |error| MomeError::Object { name, error }
}
