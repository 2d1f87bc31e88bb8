//! Cuts normalised text into pieces.

use std::cmp::Ordering;

use super::Method;
use crate::Gguf;
use crate::tokenizer::merge::{Part, merge};
use crate::tokenizer::metadata::scores;
use crate::tokenizer::vocabulary::{TokenKind, Vocabulary};
use crate::tokenizer::{PrefixIndex, TokenizerError};

/// What SentencePiece takes off the lowest score for a character without a piece.
const UNKNOWN_PENALTY: f32 = 10.0;

/// The pieces' scores, and what the method needs beside them.
#[derive(Debug)]
pub(super) enum Segmenter {
    /// Joins neighbours as long as they make a piece, the best piece first.
    Bpe { scores: Vec<f32> },
    /// Finds the pieces whose scores, log probabilities, have the largest sum.
    Unigram { scores: Vec<f32>, pieces: PrefixIndex, unknown_score: f32 },
}

impl Segmenter {
    pub(super) fn read(gguf: &Gguf, method: Method, vocabulary: &Vocabulary) -> Result<Self, TokenizerError> {
        let scores = scores(gguf, vocabulary.len())?;
        Ok(match method {
            Method::Bpe => Self::Bpe { scores },
            Method::Unigram => {
                let normal = vocabulary.of_kinds(&[TokenKind::Normal]);
                let lowest = normal.map(|id| scores[id as usize]).min_by(f32::total_cmp).unwrap_or_default();
                let pieces = vocabulary.text_index();
                Self::Unigram { scores, pieces, unknown_score: lowest - UNKNOWN_PENALTY }
            }
        })
    }

    /// Cuts a text into parts; those without a token are characters that no piece covers.
    pub(super) fn segment(&self, vocabulary: &Vocabulary, text: &str) -> Vec<Part> {
        match self {
            Self::Bpe { scores } => merge_by_score(scores, vocabulary, text),
            Self::Unigram { scores, pieces, unknown_score } => {
                likeliest_path(scores, pieces, *unknown_score, vocabulary, text)
            }
        }
    }
}

fn merge_by_score(scores: &[f32], vocabulary: &Vocabulary, text: &str) -> Vec<Part> {
    let characters = text.char_indices().map(|(at, character)| {
        let range = at..at + character.len_utf8();
        Part { id: vocabulary.id_of(&text.as_bytes()[range.clone()]), range }
    });
    let join = |left: &Part, right: &Part| {
        let id = vocabulary.id_of(&text.as_bytes()[left.range.start..right.range.end])?;
        Some((Score(scores[id as usize]), id))
    };
    merge(characters, join).collect()
}

/// The Viterbi algorithm, forwards over all places between characters. Of paths with equal sums the one with the
/// longest last piece stays, as in SentencePiece; sums are of its width, `f32`.
fn likeliest_path(
    scores: &[f32],
    pieces: &PrefixIndex,
    unknown_score: f32,
    vocabulary: &Vocabulary,
    text: &str,
) -> Vec<Part> {
    /// The best way to a place: its score, and its last part.
    #[derive(Clone)]
    struct Way {
        score: f32,
        part: Part,
    }
    let mut best: Vec<Option<Way>> = vec![None; text.len() + 1];
    for (start, character) in text.char_indices() {
        let before = best[start].as_ref().map_or(0.0, |way| way.score);
        let mut reach = |length: usize, score: f32, id: Option<u32>| {
            let (score, range) = (before + score, start..start + length);
            let way = &mut best[range.end];
            if way.as_ref().is_none_or(|way| score > way.score) {
                *way = Some(Way { score, part: Part { range, id } });
            }
        };
        let mut covered = false;
        for (length, id) in pieces.prefixes(vocabulary, &text.as_bytes()[start..]) {
            reach(length, scores[id as usize], Some(id));
            covered |= length == character.len_utf8();
        }
        if !covered {
            reach(character.len_utf8(), unknown_score, None);
        }
    }
    let mut parts = Vec::new();
    let mut end = text.len();
    while let Some(way) = best[end].take() {
        end = way.part.range.start;
        parts.push(way.part);
    }
    parts.reverse();
    parts
}

/// A finite score.
struct Score(f32);

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}
