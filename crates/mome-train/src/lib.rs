//! Trains what packs are made with, through burn: W_query, with which a backbone attends to answer slots. No pack needs
//! it: `mome-build` makes packs.

mod device;
mod query;
mod trained;
mod wordings;

pub use query::train_query_object;
