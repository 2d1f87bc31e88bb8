//! `tokenizer.ggml.precompiled_charsmap`: which characters are replaced by which before a text is cut.
//!
//! SentencePiece's format (`normalizer.cc`): the size of a trie as a little-endian `u32`, the trie, and the
//! replacements, each with a NUL behind it. The trie is a double array of darts-clone
//! (<https://github.com/s-yata/darts-clone>), whose values are the replacements' offsets.

use crate::tokenizer::TokenizerError;

/// The replacements of a normalisation.
#[derive(Debug)]
pub(super) struct Charsmap {
    units: Vec<Unit>,
    replacements: String,
}

/// A node of the trie: bits 0 to 7 its label, bit 8 whether a key ends here, bits 10 to 30 the offset of its
/// children, times 256 where bit 9 is set. A value has bit 31 set.
#[derive(Clone, Copy, Debug)]
struct Unit(u32);

impl Unit {
    fn ends_key(self) -> bool {
        self.0 & (1 << 8) != 0
    }

    fn has_label(self, label: u8) -> bool {
        self.0 & (1 << 31 | 0xFF) == u32::from(label)
    }

    fn offset(self) -> usize {
        ((self.0 >> 10) << ((self.0 & (1 << 9)) >> 6)) as usize
    }

    fn value(self) -> usize {
        (self.0 & !(1 << 31)) as usize
    }
}

impl Charsmap {
    /// Reads the table, its bytes given as integers of either signedness.
    pub(super) fn read(bytes: &[i64]) -> Result<Self, TokenizerError> {
        let byte = |number: &i64| u8::try_from(*number).or(i8::try_from(*number).map(|byte| byte as u8));
        let bytes: Vec<u8> = bytes
            .iter()
            .map(byte)
            .collect::<Result<_, _>>()
            .map_err(|_| TokenizerError::Charsmap("not a list of bytes"))?;
        let (size, rest) = bytes.split_first_chunk().ok_or(TokenizerError::Charsmap("too short"))?;
        let (trie, replacements) = rest
            .split_at_checked(u32::from_le_bytes(*size) as usize)
            .ok_or(TokenizerError::Charsmap("the trie is longer than the table"))?;
        let (units, []) = trie.as_chunks() else {
            return Err(TokenizerError::Charsmap("the trie is no list of 32-bit numbers"));
        };
        let replacements = String::from_utf8(replacements.to_vec())
            .map_err(|_| TokenizerError::Charsmap("the replacements are not UTF-8"))?;
        Ok(Self { units: units.iter().map(|unit| Unit(u32::from_le_bytes(*unit))).collect(), replacements })
    }

    /// The longest key that a text begins with: its length in bytes and what replaces it. A trie that leads
    /// outside itself, or to no replacement, has no such key.
    pub(super) fn longest_prefix(&self, text: &[u8]) -> Option<(usize, &str)> {
        let mut at = self.units.first()?.offset();
        let mut longest = None;
        for (index, label) in text.iter().enumerate() {
            at ^= usize::from(*label);
            let Some(unit) = self.units.get(at).filter(|unit| unit.has_label(*label)) else { break };
            at ^= unit.offset();
            if unit.ends_key() {
                longest = self.units.get(at).map(|value| (index + 1, value.value()));
            }
        }
        let (length, start) = longest?;
        let replacement = self.replacements.get(start..)?.split('\0').next()?;
        Some((length, replacement))
    }
}
