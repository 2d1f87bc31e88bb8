//! The index: which shards a question is looked for in.

use mome_pack::{Leaf, ROUTING_WIDTH, Root, UnitVector};

use crate::selection::dot;

/// A root page with its centroids in floats.
#[derive(Clone, Debug)]
pub struct Index {
    leaves: Vec<Leaf>,
    centroids: Vec<[f32; ROUTING_WIDTH]>,
    beam: usize,
}

impl Index {
    /// Makes a root page ready for search.
    #[must_use]
    pub fn new(root: Root) -> Self {
        let centroids = root.leaves.iter().map(|leaf| leaf.centroid.dequantise()).collect();
        Self { leaves: root.leaves, centroids, beam: root.beam.into() }
    }

    /// All leaves.
    #[must_use]
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// How many leaves a question is looked for in.
    #[must_use]
    pub fn beam(&self) -> usize {
        self.beam
    }

    /// The leaves to look into for this routing key, the nearest first: as many as the beam is wide.
    #[must_use]
    pub fn route(&self, routing: &[f32; ROUTING_WIDTH]) -> Vec<usize> {
        nearest(&self.centroids, routing, self.beam)
    }
}

/// The `count` centroids with the largest inner product, the nearest first; the lower number among equals.
#[must_use]
pub fn nearest(
    centroids: &[[f32; ROUTING_WIDTH]],
    routing: &[f32; ROUTING_WIDTH],
    count: usize,
) -> Vec<usize> {
    let scores: Vec<f32> = centroids.iter().map(|centroid| dot(centroid, routing)).collect();
    let nearer = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    let mut order: Vec<usize> = (0..scores.len()).collect();
    if count < order.len() {
        order.select_nth_unstable_by(count, nearer);
        order.truncate(count);
    }
    order.sort_unstable_by(nearer);
    order
}

/// The direction of the middle of some routing keys.
#[must_use]
pub fn centroid<'a>(keys: impl IntoIterator<Item = &'a [f32; ROUTING_WIDTH]>) -> UnitVector<ROUTING_WIDTH> {
    let mut sum = [0.0; ROUTING_WIDTH];
    for key in keys {
        sum.iter_mut().zip(key).for_each(|(sum, x)| *sum += x);
    }
    UnitVector::quantise(&sum)
}
