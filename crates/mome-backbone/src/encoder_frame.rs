//! The special tokens around what an encoder reads.

use std::ops::Range;

use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::{Gguf, GgufError};

/// How texts are put to an encoder: `[CLS] text [SEP]`, and two at once `[CLS] first [SEP] second [SEP]`, as
/// BERT (arXiv 1810.04805) has it; with RoBERTa's vocabularies, XLM-R's among them, `<s> text </s>` and
/// `<s> first </s></s> second </s>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderFrame {
    cls: u32,
    sep: u32,
    separators_between: usize,
    /// Whether the second text's tokens have a type of their own.
    has_types: bool,
}

/// What an encoder reads in one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderInput {
    /// All tokens, special ones included.
    pub ids: Vec<u32>,
    /// Where the tokens of either text are among them: `ids[texts[0].start + k]` is token `k` of the first. Of
    /// a single text the second range is empty, and both end where the text does.
    pub texts: [Range<usize>; 2],
    /// Where the tokens of type 1 begin, those before being of type 0: at the second text, or past the end
    /// where there is none or the encoder has one type only.
    pub types_from: usize,
    /// How many tokens of the texts' ends were left out for want of room.
    pub cut: usize,
}

impl EncoderFrame {
    /// The frame of an encoder.
    ///
    /// # Errors
    /// [`TokenizerError`], where the file names no token to begin with.
    pub fn read(gguf: &Gguf, tokenizer: &Tokenizer) -> Result<Self, TokenizerError> {
        let cls = tokenizer.cls();
        Ok(Self {
            cls: cls.ok_or_else(|| GgufError::Missing("tokenizer.ggml.cls_token_id".to_owned()))?,
            sep: tokenizer.sep(),
            separators_between: tokenizer.separators_between(),
            has_types: gguf.unsigned("tokenizer.ggml.token_type_count")?.unwrap_or(1) > 1,
        })
    }

    /// One text, given by the ids of its tokens, in at most `limit` tokens in all. The special tokens stay,
    /// however low the limit.
    #[must_use]
    pub fn single(&self, text: &[u32], limit: usize) -> EncoderInput {
        let kept = text.len().min(limit.saturating_sub(2));
        let ids: Vec<u32> = [&[self.cls], &text[..kept], &[self.sep]].concat();
        let end = 1 + kept;
        EncoderInput { types_from: ids.len(), texts: [1..end, end..end], cut: text.len() - kept, ids }
    }

    /// Two texts, each given by the ids of its tokens, in at most `limit` tokens in all. What is too much is
    /// cut off the longer one until both are of one length, and then off both. The special tokens stay,
    /// however low the limit.
    #[must_use]
    pub fn pair(&self, first: &[u32], second: &[u32], limit: usize) -> EncoderInput {
        let between = vec![self.sep; self.separators_between];
        let room = limit.saturating_sub(2 + between.len());
        let [kept_first, kept_second] = share(room, [first.len(), second.len()]);
        let ids = [&[self.cls], &first[..kept_first], &between, &second[..kept_second], &[self.sep]].concat();
        let start = 1 + kept_first + between.len();
        EncoderInput {
            types_from: if self.has_types { start } else { ids.len() },
            texts: [1..1 + kept_first, start..start + kept_second],
            cut: first.len() + second.len() - kept_first - kept_second,
            ids,
        }
    }
}

/// Shares room between two texts of those lengths. Where both are cut, an odd token goes to the longer one,
/// and to the second of equals.
fn share(room: usize, [first, second]: [usize; 2]) -> [usize; 2] {
    if first > second {
        let [second, first] = share(room, [second, first]);
        return [first, second];
    }
    let shorter = first.min(room / 2);
    [shorter, second.min(room - shorter)]
}
