//! From a question to the fact that it asks for: nothing here fetches, and nothing here answers.
//!
//! A question goes through a [`Reader`] (what it reads like), a [`Router`] (which shards to look into), [`ranking`] and
//! [`judging`] (which fact) and [`gate`] (whether to answer). Packs are made with the same parts, so that what calibrates
//! a gate is what it will decide on.

pub mod gate;
pub mod judging;
pub mod ranking;
mod reader;
pub mod router;
pub mod vectors;

mod encoder_reader;

pub use encoder_reader::EncoderReader;
pub use reader::{Reader, ReaderDescription, ReaderError, Reading};
pub use router::{FlatRouter, Router, RouterError};
