//! The classes that a reranker tells apart.

/// What a question and a wording are to each other, in the order of the head's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Both ask the same.
    Same,
    /// They are near, but one thing makes them different questions.
    Changed,
    /// They ask for different things.
    Other,
}
