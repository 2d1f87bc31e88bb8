//! Answers questions from memorised facts, exactly, or says that it does not know.
//!
//! [`Mome::load`] opens a pack; [`Mome::answer`] asks it:
//!
//! ```no_run
//! # async fn example() -> Result<(), mome::MomeError> {
//! let store = mome::Store::open("https://example.org/planets/")?;
//! let mome = mome::Mome::load(store, mome::LoadOptions::default()).await?;
//! let answer = mome.answer("Which planet is closest to the Sun?", &mome::AnswerOptions::default()).await?;
//! println!("{}", answer.text);
//! # Ok(())
//! # }
//! ```
//!
//! A question goes through [`reader`] (what it reads like), [`index`] (which shards to look into), [`ranking`] and
//! [`judging`] (which fact), [`gate`] (whether to answer) and [`attach`] (the draft that is verified).
//! [`memorise`] makes the experts.

mod answer;
pub mod attach;
mod error;
pub mod gate;
pub mod index;
pub mod judging;
pub mod memorise;
mod mome;
mod pack;
pub mod ranking;
pub mod reader;
pub mod vectors;

pub use answer::{Answer, DONT_KNOW, FactReference, FetchedBytes, Reason, Suggestion, TokenLogprob};
pub use error::MomeError;
pub use mome::{AnswerOptions, LoadOptions, Mome, Prefilled, ReaderFiles, Selected};
pub use mome_engine::{CpuOptions, DeviceChoice, OpenOptions};
pub use mome_store::Store;
pub use pack::Pack;
pub use reader::Reader;
