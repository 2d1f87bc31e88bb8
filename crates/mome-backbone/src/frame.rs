//! The words around a question that make the backbone answer it.

use std::ops::Range;

use crate::{Token, Tokenizer};

const BEFORE: &str = "Q: ";
const AFTER: &str = "\nA:";

/// How a question is put: `Q: {question}\nA:`, after the begin token where the backbone wants one. An answer
/// begins with a space and ends with the end token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    begin: Option<u32>,
}

/// A question in its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// All tokens, the frame's included.
    pub tokens: Vec<u32>,
    /// Which of them are the question's own: those that overlap its text, since a frame may merge with it.
    pub question: Range<usize>,
}

impl Frame {
    /// The frame of a backbone.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Self {
        Self { begin: tokenizer.begin().filter(|_| tokenizer.adds_begin()) }
    }

    /// Puts a question.
    #[must_use]
    pub fn prompt(&self, tokenizer: &Tokenizer, question: &str) -> Prompt {
        let tokens = tokenizer.encode(&format!("{BEFORE}{question}{AFTER}"));
        let own = BEFORE.len()..BEFORE.len() + question.len();
        let leading = usize::from(self.begin.is_some());
        let start = leading + tokens.partition_point(|token| token.range.end <= own.start);
        let end = leading + tokens.partition_point(|token| token.range.start < own.end);
        Prompt {
            tokens: self.begin.into_iter().chain(tokens.into_iter().map(|token| token.id)).collect(),
            question: start..end.max(start),
        }
    }

    /// The tokens of an answer, the end token included.
    #[must_use]
    pub fn answer(&self, tokenizer: &Tokenizer, answer: &str) -> Vec<u32> {
        let ids = tokenizer.encode_continuation(&format!(" {answer}")).into_iter().map(|Token { id, .. }| id);
        ids.chain([tokenizer.end()]).collect()
    }

    /// The text of an answer's tokens up to the end token, without the space that it begins with.
    #[must_use]
    pub fn text(&self, tokenizer: &Tokenizer, answer: &[u32]) -> String {
        let answer = answer.split(|token| *token == tokenizer.end()).next().unwrap_or_default();
        let text = tokenizer.decode_continuation(answer);
        text.strip_prefix(' ').map(str::to_owned).unwrap_or(text)
    }
}
