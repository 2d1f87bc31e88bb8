//! Asking a pack questions whose right replies are known.

mod evaluate;
mod metrics;
mod slices;

pub use evaluate::{Evaluation, KnownCounts, Latency, Rates, UnknownCounts, WordingCounts, evaluate};
pub use metrics::{Judged, Metrics, Rate, ReliabilityBin, RiskCoverage, TScore};
pub use slices::{Slice, evaluate_slices};
