//! What comes of a question.

use serde::Serialize;

/// The text of a reply that gives no fact.
pub const DONT_KNOW: &str = "I don't know";

/// The most suggestions that a reply makes.
pub(crate) const MAX_SUGGESTIONS: usize = 3;

/// The reply to a question. Field names are those of the JSON that `mome ask --json` prints and of the
/// JavaScript result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// Whether a memorised answer is given.
    pub known: bool,
    /// The memorised answer, whole; or "I don't know".
    pub text: String,
    /// Why there is no answer; `None` where there is one.
    pub reason: Option<Reason>,
    /// Probability that the best candidate holds the answer, 0 to 1.
    pub confidence: f32,
    /// The facts that the answer comes from; empty where there is none.
    pub facts: Vec<FactReference>,
    /// The nearest facts, at most three, where there is no answer.
    pub suggestions: Vec<Suggestion>,
    /// The tokens of the answer with their log-probabilities, the end token left out.
    pub tokens: Vec<TokenLogprob>,
    /// Forward passes of the backbone that the reply took.
    pub passes: u32,
    /// Whether the question is longer than the models read, so that only its beginning counted.
    pub question_cut: bool,
    /// What was fetched for this question.
    pub fetched: FetchedBytes,
    /// The device that ran the backbone.
    pub device: String,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The gate found no expert that holds the answer.
    Gate,
    /// The draft of the chosen expert was not what the backbone decodes with it.
    Unverified,
}

/// A fact that an answer comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactReference {
    /// Its id in the table of facts.
    pub id: String,
    /// Where it was taken from, as the table of facts says.
    pub source: Option<String>,
    /// The gate's probability for it.
    pub score: f32,
}

/// A fact near the question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    /// Its id in the table of facts.
    pub id: String,
    /// Its question.
    pub question: String,
    /// The gate's probability for it.
    pub score: f32,
}

/// A token of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenLogprob {
    /// Its text.
    pub text: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
}

/// What was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FetchedBytes {
    /// How many objects.
    pub objects: u64,
    /// Their bytes together.
    pub bytes: u64,
}
