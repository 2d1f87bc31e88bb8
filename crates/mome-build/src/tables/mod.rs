//! Tables of facts, questions and contrasts, as people write them.

mod contrasts;
mod facts;
mod rows;

pub use contrasts::Contrast;
pub use facts::{Fact, Question, read_facts, read_questions};
pub use rows::TableError;
