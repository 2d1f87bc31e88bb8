//! Makes packs of tables of facts. [`memorize`] goes through five stages, each a module: the selector is chosen, the
//! facts are memorised, their experts are spread over shards, the pack is written, and it is asked every fact.
//! [`memorize_into`] and [`forget`] make the next edition of a pack. [`evaluate`] asks a pack questions whose right replies are known.

mod build_index;
mod calibrate;
mod catalogue;
mod choose_selector;
mod corpus;
mod device;
mod episode;
mod error;
mod evaluate;
mod facts;
mod forget;
mod journal;
mod layers;
mod logistic;
mod make_experts;
mod make_selector;
mod memorize;
mod memorize_into;
mod metrics;
mod model;
mod neighbours;
mod principal;
mod query;
pub mod reranker;
mod revise;
mod split_shard;
mod stage;
mod table;
mod trained;
mod training;
mod variants;
mod verify;
mod wordings;
mod write;

pub use corpus::Corpus;
pub use error::MemorizeError;
pub use evaluate::{Evaluation, KnownCounts, Latency, Rates, UnknownCounts, WordingCounts, evaluate};
pub use facts::{Fact, Question, read_facts, read_questions};
pub use forget::{ForgetReport, StillAnswered, forget};
pub use make_selector::{SelectorOptions, SelectorReport, make_selector};
pub use memorize::{GateReport, MemorizeOptions, Report, memorize};
pub use memorize_into::{IntoReport, memorize_into};
pub use metrics::{Judged, Metrics, Rate, ReliabilityBin, RiskCoverage, TScore};
pub use neighbours::{Change, Reply};
pub use revise::{ReviseOptions, Revised};
pub use stage::{Progress, Stage};
pub use table::TableError;
pub use training::{ATTENTION, Training};
pub use wordings::Wordings;
pub use write::WriteError;
