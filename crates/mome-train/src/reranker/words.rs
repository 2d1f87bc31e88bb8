//! Text as an encoder's tokens.

use mome_backbone::{Encoder, EncoderInput};

/// One text as an encoder reads it.
pub(super) fn text(encoder: &Encoder, text: &str) -> EncoderInput {
    encoder.frame().single(&ids(encoder, text), encoder.config().context)
}

/// A question and a wording as a reranker reads them.
pub(super) fn pair(encoder: &Encoder, question: &str, wording: &str) -> EncoderInput {
    encoder.frame().pair(&ids(encoder, question), &ids(encoder, wording), encoder.config().context)
}

fn ids(encoder: &Encoder, text: &str) -> Vec<u32> {
    encoder.tokenizer().encode(text).into_iter().map(|token| token.id).collect()
}
