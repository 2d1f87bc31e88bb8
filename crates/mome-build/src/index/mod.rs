//! The index of a pack that is being made: which experts lie in which shard, and what leads there.

mod item;
mod plan;
mod split;

pub(crate) use item::Item;
pub(crate) use plan::Plan;
