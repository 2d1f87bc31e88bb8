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
//! A question goes through [`mome_retrieval`] (which fact, and whether to answer) and [`attach`] (the draft that is
//! verified).

mod answer;
pub mod attach;
mod error;
mod mome;
mod pack;
mod read;
mod reader_files;
mod report;
mod select;
mod verify;

pub use answer::{Answer, DONT_KNOW, FactReference, FetchedBytes, Reason, Suggestion, TokenLogprob};
pub use error::MomeError;
pub use mome::{AnswerOptions, LoadOptions, Mome};
pub use mome_engine::{CpuOptions, DeviceChoice, OpenOptions};
pub use mome_retrieval::{EncoderReader, Reader};
pub use mome_store::Store;
pub use pack::{Experts, Pack};
pub use read::{Prefilled, ReadQuestion};
pub use reader_files::ReaderFiles;
pub use select::{Accepted, Selected};
