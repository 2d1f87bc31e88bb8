//! Runs models over tokens: on a GPU through wgpu, or on the CPU, behind the same traits.
//!
//! [`open`] chooses the device and puts a backbone on it, [`Opening`] while its file still arrives. An [`Executor`] holds
//! the weights and begins a [`Sequence`] for each question; a sequence holds the KV cache and takes one [`Pass`] after
//! another.
//!
//! [`open_encoder`] and [`EncoderOpening`] do the same for a sentence encoder and its reranker. An [`EncoderExecutor`]
//! has no sequences: it reads batches of whole texts.

mod check;
mod cpu;
mod encoder;
mod encoder_opening;
mod error;
mod executor;
mod gpu;
mod greedy;
mod incoming_file;
mod memory;
mod opening;
mod options;
mod sampler;
mod self_check;
mod token_pair;

pub use cpu::CpuOptions;
pub use encoder::{EncoderExecutor, RerankLogits};
pub use encoder_opening::{EncoderOpening, OpenedEncoder, RerankerOpening, open_encoder};
pub use error::EngineError;
pub use executor::{Executor, Head, Output, Pass, Prediction, Sequence};
pub use greedy::greedy;
pub use memory::{AttachedExpert, AttentionParameters, MAX_SLOTS, Memory, MemorySlot, QueryProjection};
pub use opening::{Opened, Opening, open};
pub use options::{DeviceChoice, OpenOptions};
pub use sampler::{Argmax, Sampler, sample};
pub use token_pair::TokenPair;
