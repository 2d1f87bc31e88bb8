//! A pack that is open: its manifest, selector and index are at hand, its shards come when they are asked for.

use std::pin::pin;

use futures::TryStreamExt;
use mome_backbone::Backbone;
use mome_engine::{OpenOptions, Opened, Opening, QueryProjection};
use mome_pack::{Digest, Expert, Link, Manifest, PackError, Root, Selector, Shard};
use mome_store::Store;

use crate::MomeError;
use crate::gate::{Decision, decision};
use crate::index::Index;
use crate::selection::{Reading, Selection};

/// An open pack.
pub struct Pack {
    store: Store,
    manifest: Manifest,
    selection: Selection,
    query: QueryProjection,
    index: Index,
}

impl Pack {
    /// Fetches the manifest, then the selector and the index.
    ///
    /// # Errors
    /// [`MomeError::Store`] where an object cannot be had, [`MomeError::Object`] where one cannot be read.
    pub async fn open(store: Store) -> Result<Self, MomeError> {
        let manifest = Manifest::decode(&store.manifest().await?).map_err(in_object("mome.json"))?;
        let objects = store.objects(&[manifest.selector, manifest.root]).await?;
        let [selector, root] = objects.as_slice() else { unreachable!("an object for each link") };
        let selector = Selector::decode(selector).map_err(in_object(manifest.selector.digest.path()))?;
        let root = Root::decode(root).map_err(in_object(manifest.root.digest.path()))?;
        let query = QueryProjection(selector.query.dequantise().into());
        Ok(Self { store, manifest, selection: Selection::new(selector), query, index: Index::new(root) })
    }

    /// What the pack is made of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The selector, ready to read.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Which gate decides at this alpha; `None` where the pack has none, and only stored wordings are answered.
    #[must_use]
    pub fn decision(&self, alpha: f64) -> Option<Decision<'_>> {
        decision(self.manifest.gate.as_ref(), self.selection.selector().gate.as_ref(), alpha)
    }

    /// W_query in floats.
    #[must_use]
    pub fn query(&self) -> &QueryProjection {
        &self.query
    }

    /// The index.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Where the pack's objects come from.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The experts that may hold the answer to this question, from the shards that the index names.
    ///
    /// # Errors
    /// [`MomeError::Store`] where a shard cannot be had, [`MomeError::Object`] where one cannot be read.
    pub async fn experts_near(&self, reading: &Reading) -> Result<Vec<Expert>, MomeError> {
        self.experts_of(&self.index.route(&reading.routing)).await
    }

    /// The experts of these leaves, each once, though shards may share some.
    ///
    /// # Errors
    /// As [`Pack::experts_near`].
    pub async fn experts_of(&self, leaves: &[usize]) -> Result<Vec<Expert>, MomeError> {
        let links: Vec<Link> = leaves.iter().map(|&leaf| self.index.leaves()[leaf].shard).collect();
        let mut experts: Vec<Expert> = Vec::new();
        for (bytes, link) in self.store.objects(&links).await?.iter().zip(&links) {
            let shard = Shard::decode(bytes).map_err(in_object(link.digest.path()))?;
            for expert in shard.experts {
                if !experts.iter().any(|known| known.id == expert.id) {
                    experts.push(expert);
                }
            }
        }
        Ok(experts)
    }

    /// Fetches the pack's backbone and puts it on a device part by part.
    ///
    /// # Errors
    /// [`MomeError::Store`] where a part cannot be had, [`MomeError::Engine`] where the file cannot be read or the
    /// device not be used, and [`MomeError::OtherBackbone`] where the parts do not make the file that they should.
    pub async fn open_backbone(&self, options: OpenOptions) -> Result<Opened, MomeError> {
        let parts = &self.manifest.backbone.parts;
        // Lengths are the manifest's word: a sum that overflows is longer than any file.
        let length = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.length));
        let mut opening = Opening::new(length, options);
        let mut arriving = pin!(self.store.stream(parts));
        while let Some(part) = arriving.try_next().await? {
            opening.push(&part).await?;
        }
        let opened = opening.finish().await?;
        self.check_backbone(opened.executor.backbone())?;
        Ok(opened)
    }

    /// Whether this is the file of the pack's backbone.
    #[must_use]
    pub fn is_backbone(&self, file: &[u8]) -> bool {
        Digest::of(file) == self.manifest.backbone.digest
    }

    /// Makes sure that this is the pack's backbone, and that the selector reads layers that it has.
    ///
    /// # Errors
    /// [`MomeError::OtherBackbone`] or [`MomeError::Selector`].
    pub fn check_backbone(&self, backbone: &Backbone) -> Result<(), MomeError> {
        let wanted = self.manifest.backbone.digest;
        let found = backbone.digest().map(Digest);
        if found != Some(wanted) {
            return Err(MomeError::OtherBackbone { wanted, found });
        }
        let (selector, config) = (self.selection.selector(), backbone.config());
        if selector.hidden as usize != config.hidden {
            let problem = format!("it reads states of width {}, not {}", selector.hidden, config.hidden);
            return Err(MomeError::Selector(problem));
        }
        match selector.layers.iter().find(|&&layer| layer as usize > config.layers) {
            Some(layer) => {
                Err(MomeError::Selector(format!("it reads layer {layer}, but there are {}", config.layers)))
            }
            None => Ok(()),
        }
    }
}

/// Names the object that an error is about.
fn in_object(name: impl Into<String>) -> impl FnOnce(PackError) -> MomeError {
    let name = name.into();
    move |error| MomeError::Object { name, error }
}
