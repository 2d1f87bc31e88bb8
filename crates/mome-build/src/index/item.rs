//! An expert as the index sees it, and what several have in common.

use mome_pack::{Expert, RoutingKey, Shard};
use mome_retrieval::router::centroid;

/// An expert as the index sees it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Routing key that decides the shard.
    pub routing: Vec<f32>,
    /// Routing keys of all stored wordings: each must lead to a shard that holds the expert.
    pub wordings: Vec<RoutingKey>,
    /// Bytes that the expert takes in a shard.
    pub bytes: usize,
}

impl Item {
    /// What the index sees of an expert that takes so many bytes.
    #[must_use]
    pub fn new(expert: &Expert, bytes: usize) -> Self {
        let keys: Vec<Vec<f32>> =
            expert.wordings.iter().map(|wording| wording.routing.dequantize()).collect();
        let width = keys.first().map_or(0, Vec::len);
        Self {
            routing: centroid(width, keys.iter().map(Vec::as_slice)).dequantize(),
            wordings: expert.wordings.iter().map(|wording| wording.routing.clone()).collect(),
            bytes,
        }
    }
}

/// The direction of the middle of some items.
pub(crate) fn middle(items: &[Item], members: &[usize]) -> RoutingKey {
    let width = items.first().map_or(0, |item| item.routing.len());
    centroid(width, members.iter().map(|&item| items[item].routing.as_slice()))
}

/// Bytes of a shard that holds these items.
pub(crate) fn size(items: &[Item], members: &[usize]) -> usize {
    Shard::overhead(members.len()) + members.iter().map(|&member| items[member].bytes).sum::<usize>()
}
