//! Makes packs of tables of facts, and changes them, with no training: [`memorize`] makes a pack, [`memorize_into`] and
//! [`forget`] make its next edition, and [`evaluate`] asks a pack questions whose right replies are known.
//!
//! Each folder is a step of that way: `tables` are read, facts get their slots in `memorize`, `index` spreads their experts
//! over shards, `calibrate` fits and sets the gate by questions of the pack's own and by [`near_misses`], `files` writes
//! what came of it, and `revision` does the same to a pack that is there.

mod calibrate;
mod error;
mod evaluation;
mod files;
mod index;
mod memorize;
mod models;
pub mod near_misses;
mod progress;
mod revision;
mod side_by_side;
mod small_reader;
mod tables;

pub use calibrate::{CalibrationReport, ReaderGateReport, reader_gate};
pub use error::MemorizeError;
pub use evaluation::{
    Evaluation, Judged, KnownCounts, Latency, Metrics, Rate, Rates, ReliabilityBin, RiskCoverage, Slice,
    TScore, UnknownCounts, WordingCounts, evaluate, evaluate_slices,
};
pub use files::{Directory, JournalFile, Memory, Target, WriteError};
pub use memorize::{
    ATTENTION, GateReport, MemorizeOptions, Report, mean, memorize, principal_directions, slots, trace,
};
pub use models::Models;
pub use progress::{Progress, Stage, counted};
pub use revision::{
    Change, ForgetReport, IntoReport, Reply, ReviseOptions, Revised, StillAnswered, forget, memorize_into,
};
pub use small_reader::{SmallReaderError, small_reader};
pub use tables::{Contrast, Fact, Question, TableError, read_facts, read_questions};
