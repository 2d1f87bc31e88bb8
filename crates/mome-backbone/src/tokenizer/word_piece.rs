//! WordPiece vocabularies, as BERT has them: each word is cut into the longest pieces that the vocabulary
//! has.
//!
//! The method: Devlin et al., *BERT* (2018, arXiv 1810.04805), after Wu et al. (2016, arXiv 1609.08144). Text
//! is normalised and cut into words (`normalizer`); a word becomes the longest piece that it begins with,
//! then the longest that what is left begins with, and so on. A word that does not come out even is the
//! unknown token, and so is one that is very long.
//!
//! GGUF files mark pieces that begin a word with U+2581, where BERT's own lists mark all others with `##`.
//! Here, as in SentencePiece vocabularies, the mark is a space.

mod normalizer;

use std::ops::Range;

use super::metadata::special;
use super::vocabulary::{Spelling, TokenKind, Vocabulary};
use super::{PrefixIndex, Token, TokenizerError};
use crate::Gguf;
use normalizer::Normalizer;

/// What begins a piece that begins a word, in the file's tokens.
const WORD_MARK: char = '\u{2581}';
/// The most characters of a word that is cut into pieces.
const MAX_WORD: usize = 100;

/// How a text becomes tokens of a WordPiece vocabulary.
#[derive(Debug)]
pub(super) struct WordPiece {
    normalizer: Normalizer,
    pieces: PrefixIndex,
    unknown: u32,
}

impl WordPiece {
    /// Reads the vocabulary and how text is normalised.
    pub(super) fn read(gguf: &Gguf) -> Result<(Vocabulary, Self), TokenizerError> {
        let vocabulary = Vocabulary::read(gguf, |_, text, kind| Ok(spell(text, kind)))?;
        let unknown = special(gguf, "tokenizer.ggml.unknown_token_id", vocabulary.len())?
            .or_else(|| vocabulary.of_kinds(&[TokenKind::Unknown]).next())
            .or_else(|| vocabulary.named("[UNK]"))
            .ok_or(TokenizerError::Unknown)?;
        let pieces = vocabulary.text_index();
        Ok((vocabulary, Self { normalizer: Normalizer::read(gguf)?, pieces, unknown }))
    }

    /// Appends the tokens of a part of `text`.
    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        part: Range<usize>,
        encoded: &mut Vec<Token>,
    ) {
        let normalized = self.normalizer.normalize(text, part);
        let starts = normalized.text.match_indices(' ').map(|(at, _)| at);
        let ends = starts.clone().skip(1).chain([normalized.text.len()]);
        for (start, end) in starts.zip(ends) {
            let before = encoded.len();
            for (piece, id) in self.cut(vocabulary, &normalized.text[start..end]) {
                let Some(id) = id else {
                    encoded.truncate(before);
                    encoded.push(Token { id: self.unknown, range: normalized.source(start..end) });
                    break;
                };
                let range = normalized.source(start + piece.start..start + piece.end);
                encoded.push(Token { id, range });
            }
        }
    }

    /// The pieces of a word, which a space begins: their places in it and their tokens. None is the last
    /// where what is left begins with no piece.
    fn cut<'a>(
        &'a self,
        vocabulary: &'a Vocabulary,
        word: &'a str,
    ) -> impl Iterator<Item = (Range<usize>, Option<u32>)> + 'a {
        let too_long = word.chars().count() > 1 + MAX_WORD;
        let mut at = 0;
        std::iter::from_fn(move || {
            let left = word.as_bytes().get(at..).filter(|left| !left.is_empty())?;
            // The mark alone is no piece: what it began would have to go on like one that stands inside a
            // word.
            let least = if at == 0 { 2 } else { 1 };
            let longest =
                self.pieces.prefixes(vocabulary, left).filter(|(length, _)| *length >= least).last();
            let (length, id) = longest.filter(|_| !too_long).unzip();
            let start = at;
            at = length.map_or(word.len(), |length| start + length);
            Some((start..at, id))
        })
    }
}

/// What the text of a token in the file stands for.
fn spell(text: &str, kind: TokenKind) -> Spelling {
    match (kind, text.strip_prefix(WORD_MARK)) {
        (TokenKind::Normal, Some(word)) => Spelling::Text(format!(" {word}").into_bytes()),
        (TokenKind::Normal, None) => Spelling::Text(text.as_bytes().to_vec()),
        (_, Some(name)) => Spelling::Mark(name.as_bytes().to_vec()),
        (_, None) => Spelling::Mark(text.as_bytes().to_vec()),
    }
}
