//! The merges of a byte-pair encoding: which neighbours join, and which of them first.

use std::collections::HashMap;

use super::Alphabet;
use crate::tokenizer::TokenizerError;
use crate::tokenizer::vocabulary::Vocabulary;

/// For each pair of tokens that may join: its rank (lower joins first) and the token that they make.
#[derive(Debug)]
pub(super) struct Merges(HashMap<(u32, u32), (u32, u32)>);

impl Merges {
    /// Reads a list of `left right`, in order of rank. Of equal pairs the first counts.
    pub(super) fn read(
        list: &[String],
        alphabet: &Alphabet,
        vocabulary: &Vocabulary,
    ) -> Result<Self, TokenizerError> {
        let joined = |text: &str| {
            let (left, right) = text.split_once(' ')?;
            let (left, right) = (alphabet.bytes_of(left)?, alphabet.bytes_of(right)?);
            let result = vocabulary.id_of(&[&*left, &*right].concat())?;
            Some(((vocabulary.id_of(&left)?, vocabulary.id_of(&right)?), result))
        };
        let mut merges = HashMap::with_capacity(list.len());
        for (index, text) in list.iter().enumerate() {
            let Some((pair, result)) = joined(text) else {
                return Err(TokenizerError::Merge { index, merge: text.clone() });
            };
            merges.entry(pair).or_insert((index as u32, result));
        }
        Ok(Self(merges))
    }

    /// Rank and result of a pair that may join.
    pub(super) fn get(&self, left: u32, right: u32) -> Option<(u32, u32)> {
        self.0.get(&(left, right)).copied()
    }
}
