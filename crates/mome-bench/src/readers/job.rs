//! What every engine reads and judges.

use std::fs;
use std::path::PathBuf;

use mome_backbone::Encoder;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A question of 15 tokens, `[CLS]` and `[SEP]` included.
const QUESTION: &str = "How long do I have to send a parcel back to you?";

/// Stored wordings that make pairs of 30 tokens with it.
const WORDINGS: [&str; 3] = [
    "Within how many days may I return what I have bought from you?",
    "How long do I have to send a parcel back to another shop?",
    "Who pays for the post when I send something back to your shop?",
];

/// What a measuring program is told, as JSON. All engines get tokens: none is measured turning text into them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// The encoder's GGUF file.
    pub encoder: PathBuf,
    /// The reranker's.
    pub reranker: PathBuf,
    /// The tokens of a question that is read.
    pub question: Vec<u32>,
    /// Pairs that are judged in one batch.
    pub pairs: Vec<Pair>,
    /// How often both is done.
    pub repeats: usize,
}

/// A question and a stored wording.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pair {
    /// The tokens of both, special ones included.
    pub tokens: Vec<u32>,
    /// Where the wording begins.
    pub second: usize,
}

impl Job {
    /// The question and its pairs, in the tokens of an encoder.
    ///
    /// # Errors
    /// Where the encoder's file cannot be read or used.
    pub fn new(encoder: PathBuf, reranker: PathBuf, repeats: usize) -> Result<Self, Failure> {
        let file = fs::read(&encoder).map_err(Failure::file(&encoder))?;
        let model = Encoder::from_bytes(&file)?;
        let ids =
            |text: &str| model.tokenizer().encode(text).iter().map(|token| token.id).collect::<Vec<u32>>();
        let (frame, context) = (model.frame(), model.config().context);
        let question = ids(QUESTION);
        let pairs = WORDINGS.map(|wording| {
            let input = frame.pair(&question, &ids(wording), context);
            Pair { tokens: input.ids, second: input.types_from }
        });
        let question = frame.single(&question, context).ids;
        Ok(Self { encoder, reranker, question, pairs: pairs.into(), repeats })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_the_page_says() {
        let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../mome-backbone/data");
        let encoder = data.join("all-minilm-l6-v2-q8_0.gguf");
        let job = Job::new(encoder, data.join("reranker-q8_0.gguf"), 1).unwrap();
        assert_eq!(job.question.len(), 15);
        let pairs = job.pairs.iter().map(|pair| (pair.tokens.len(), pair.second));
        assert_eq!(pairs.collect::<Vec<_>>(), [(30, 15); 3]);
    }
}
