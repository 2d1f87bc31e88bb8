//! Training of rerankers: what a reranker is, and its file's form, is told in `mome-backbone`.
//!
//! Pairs are drawn from [`Table`]s and [`Contrast`](mome_build::Contrast)s ([`Pairs`]), cut into batches of like length, run through the encoder's frozen
//! lower layers and the layers in training, and the weights follow the gradient ([`train_reranker`]).
//! [`RerankerNumbers`] are the weights, read from a file or made of an encoder.

mod batches;
mod class;
mod composed;
mod contrasts;
mod equal_words;
mod error;
mod evaluation;
mod file;
mod lower_layers;
mod network;
mod numbers;
mod pairs;
mod parameters;
mod rewriting;
mod table;
mod training;
mod words;

pub use class::Class;
pub use error::TrainingError;
pub use evaluation::{Count, Evaluation};
pub use file::write_reranker;
pub use numbers::{Matrix, RerankerNumbers};
pub use pairs::{Origin, Pair, Pairs, Rules};
pub use table::Table;
pub use training::{TrainingEvent, TrainingOptions, train_reranker};
