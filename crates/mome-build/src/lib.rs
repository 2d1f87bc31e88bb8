//! Makes packs of tables of facts, and changes them, with no training: [`memorize`] goes through five stages, each a
//! module: the facts are memorised, their experts are spread over shards, the gate is calibrated, the pack is written,
//! and it is asked every stored wording. [`memorize_into`] and [`forget`] make the next edition of a pack. [`evaluate`]
//! asks a pack questions whose right replies are known.

mod build_index;
mod calibrate;
mod catalogue;
mod contrast;
mod error;
mod evaluate;
mod facts;
mod forget;
mod journal;
mod logistic;
mod make_experts;
mod make_query;
mod memorize;
mod memorize_into;
mod metrics;
mod models;
pub mod near_misses;
mod neighbours;
mod principal;
mod revise;
mod slices;
mod small_reader;
mod split_shard;
mod stage;
mod table;
mod verify;
mod write;

pub use calibrate::{CalibrationReport, ReaderGateReport, reader_gate};
pub use contrast::Contrast;
pub use error::MemorizeError;
pub use evaluate::{Evaluation, KnownCounts, Latency, Rates, UnknownCounts, WordingCounts, evaluate};
pub use facts::{Fact, Question, read_facts, read_questions};
pub use forget::{ForgetReport, StillAnswered, forget};
pub use make_query::ATTENTION;
pub use memorize::{GateReport, MemorizeOptions, Report, memorize};
pub use memorize_into::{IntoReport, memorize_into};
pub use metrics::{Judged, Metrics, Rate, ReliabilityBin, RiskCoverage, TScore};
pub use models::Models;
pub use neighbours::{Change, Reply};
pub use principal::{mean, principal_directions};
pub use revise::{ReviseOptions, Revised};
pub use slices::{Slice, evaluate_slices};
pub use small_reader::{SmallReaderError, small_reader};
pub use stage::{Progress, Stage, counted};
pub use table::TableError;
pub use write::WriteError;
