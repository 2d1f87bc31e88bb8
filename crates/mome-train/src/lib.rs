//! Trains what packs are made with, through burn: rerankers, which tell whether a question asks what a stored wording
//! asks, and W_query, with which a backbone attends to answer slots. No pack needs it: `mome-build` makes packs.

mod device;
mod query;
pub mod reranker;
mod trained;
mod wordings;

pub use query::train_query_object;
