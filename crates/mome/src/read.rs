//! The first job of an answer: the reader and the backbone read the question, side by side.

use futures::future::try_join;
use mome_engine::{Pass, Sequence};
use mome_retrieval::Reading;

use crate::{Mome, MomeError};

/// Tokens of an answer that room is kept for while the question is read. A longer one is verified in a sequence of its
/// own.
const USUAL_ANSWER: usize = 1024;

/// The part of the backbone's context that a question may take; of a longer one the beginning is read.
const QUESTION_SHARE: (usize, usize) = (3, 4);

/// A question as both models have read it.
pub struct ReadQuestion<'a> {
    /// Its text.
    pub text: &'a str,
    /// What it reads like.
    pub reading: Reading,
    /// The backbone, ready to answer.
    pub prefilled: Prefilled,
}

/// A question as the backbone has read it, in the frame that makes it answer.
pub struct Prefilled {
    pub(crate) sequence: Box<dyn Sequence>,
    /// The tokens of the question in its frame.
    pub(crate) prompt: Vec<u32>,
    /// Tokens that the sequence has room for.
    pub(crate) room: usize,
    /// Whether only the question's beginning fits.
    cut: bool,
}

impl ReadQuestion<'_> {
    /// Whether it is longer than the models read, so that only its beginning counts.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.reading.cut || self.prefilled.cut
    }
}

impl Mome {
    /// Reads a question with both models.
    ///
    /// # Errors
    /// [`MomeError::EmptyQuestion`] where there is no word in it, and what reader and device report.
    pub async fn read<'a>(&self, text: &'a str) -> Result<ReadQuestion<'a>, MomeError> {
        if text.trim().is_empty() {
            return Err(MomeError::EmptyQuestion);
        }
        let reading = async { Ok(self.reader().read(text).await?) };
        let (reading, prefilled) = try_join(reading, self.prefill(text)).await?;
        Ok(ReadQuestion { text, reading, prefilled })
    }

    /// Runs the question, in its frame, through the backbone.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn prefill(&self, question: &str) -> Result<Prefilled, MomeError> {
        let backbone = self.executor().backbone();
        let context = backbone.config().context;
        let most = context * QUESTION_SHARE.0 / QUESTION_SHARE.1;
        let (frame, tokenizer) = (backbone.frame(), backbone.tokenizer());
        let mut prompt = frame.prompt(tokenizer, question).tokens;
        let cut = prompt.len() > most;
        if cut {
            let tokens = tokenizer.encode(question);
            let around = frame.prompt(tokenizer, "").tokens.len();
            let kept = tokens.get(most.saturating_sub(around + 1)).map_or(0, |token| token.range.start);
            prompt = frame.prompt(tokenizer, question.get(..kept).unwrap_or_default()).tokens;
        }
        let room = context.min(prompt.len() + USUAL_ANSWER);
        let mut sequence = self.executor().begin(room)?;
        sequence.run(Pass { tokens: &prompt, ..Pass::default() }).await?;
        Ok(Prefilled { sequence, prompt, room, cut })
    }
}
