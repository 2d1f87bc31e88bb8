//! The index: which shards a question is looked for in.

use mome_pack::{Leaf, PackError, Root, RoutingKey, Shard};

use crate::vectors::{dot, sum};

/// A root page with its centroids in floats.
#[derive(Clone, Debug)]
pub struct Index {
    leaves: Vec<Leaf>,
    centroids: Vec<Vec<f32>>,
    width: usize,
    beam: usize,
}

impl Index {
    /// Makes a root page ready for search.
    #[must_use]
    pub fn new(root: Root) -> Self {
        let centroids = root.leaves.iter().map(|leaf| leaf.centroid.dequantise()).collect();
        Self { leaves: root.leaves, centroids, width: root.width, beam: root.beam.into() }
    }

    /// All leaves.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Width of its centroids, which embeddings must have.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Refuses a shard whose wordings have embeddings of another width.
    ///
    /// # Errors
    /// [`PackError::Field`] with both.
    pub fn check_width(&self, shard: &Shard) -> Result<(), PackError> {
        if shard.layout.width == self.width {
            return Ok(());
        }
        let problem = format!("is {}, and that of the index {}", shard.layout.width, self.width);
        Err(PackError::Field { object: "shard", field: "width of routing keys", problem })
    }

    /// How many leaves a question is looked for in.
    #[must_use]
    pub fn beam(&self) -> usize {
        self.beam
    }

    /// The leaves to look into for this embedding, the nearest first: as many as the beam is wide.
    #[must_use]
    pub fn route(&self, embedding: &[f32]) -> Vec<usize> {
        nearest(&self.centroids, embedding, self.beam)
    }
}

/// The `count` centroids with the largest inner product, the nearest first; the lower number among equals.
#[must_use]
pub fn nearest(centroids: &[Vec<f32>], embedding: &[f32], count: usize) -> Vec<usize> {
    let scores: Vec<f32> = centroids.iter().map(|centroid| dot(centroid, embedding)).collect();
    let nearer = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    let mut order: Vec<usize> = (0..scores.len()).collect();
    if count < order.len() {
        order.select_nth_unstable_by(count, nearer);
        order.truncate(count);
    }
    order.sort_unstable_by(nearer);
    order
}

/// The direction of the middle of some embeddings of this width.
#[must_use]
pub fn centroid<'a>(width: usize, embeddings: impl IntoIterator<Item = &'a [f32]>) -> RoutingKey {
    RoutingKey::quantise(&sum(width, embeddings))
}
