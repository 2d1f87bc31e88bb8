//! Calibration of gates, without data from outside: a stored wording left out of its fact is a known question; with its
//! whole fact hidden it asks for what is not there; and near misses are made of it. All go through the index and the lists
//! that will ship.

mod answered;
mod ask;
mod fit;
mod logistic;
mod pack_gate;
mod questions;
mod reader_gate;

pub use pack_gate::CalibrationReport;
pub(crate) use pack_gate::{CalibrationOptions, calibrate};
pub use reader_gate::{ReaderGateReport, reader_gate};
