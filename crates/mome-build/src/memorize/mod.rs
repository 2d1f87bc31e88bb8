//! From a table of facts to a pack.

mod closed_form_query;
pub(crate) mod experts;
mod gradient_steps;
mod pack;
mod principal_directions;
pub mod slots;
mod task;
pub mod trace;
pub(crate) mod verify;

pub use closed_form_query::ATTENTION;
pub(crate) use pack::ids_alone;
pub use pack::{GateReport, MemorizeOptions, Report, memorize};
pub use principal_directions::{mean, principal_directions};
