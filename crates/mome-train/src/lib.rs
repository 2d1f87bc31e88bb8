//! Makes packs of a table of facts: trains the selector, memorises the facts, calibrates the gate, builds the
//! index and writes it all down. [`memorize`] does the whole of it; [`evaluate`] asks a pack questions whose right
//! replies are known.

mod build_index;
mod calibrate;
mod device;
mod evaluate;
mod facts;
mod logistic;
mod memorize;
mod metrics;
mod principal;
mod training;
mod wordings;
mod write;

pub use evaluate::{Evaluation, KnownCounts, Latency, Rates, UnknownCounts, WordingCounts, evaluate};
pub use facts::{Fact, FactsError, Question, read_facts, read_questions};
pub use memorize::{MemorizeError, MemorizeOptions, Report, Stage, memorize};
pub use metrics::{Judged, Metrics, Rate, ReliabilityBin, RiskCoverage, TScore};
pub use training::{ATTENTION, Training};
pub use wordings::Wordings;
