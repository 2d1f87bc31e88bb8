//! Changes to a pack that is there: facts come, go and are replaced, and only the shards concerned are written anew.

mod add;
mod catalog;
mod edition;
mod forget;
mod neighbors;

pub use add::{IntoReport, memorize_into};
pub use edition::{ReviseOptions, Revised};
pub use forget::{ForgetReport, StillAnswered, forget};
pub use neighbors::{Change, Reply};
