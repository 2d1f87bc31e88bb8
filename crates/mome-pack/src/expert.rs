//! An expert: what the memory holds for one fact.

use half::f16;
use sha2::{Digest as _, Sha256};

use crate::bytes::{Reader, Writer};
use crate::{KEY_WIDTH, PackError, ROUTING_WIDTH, UnitVector};

/// The most reader states that an expert keeps of one wording.
pub const MAX_QUESTION_TOKENS: usize = 16;

const OBJECT: &str = "expert";
const NO_SOURCE: u16 = u16::MAX;

/// What the memory holds for one fact. There is no answer text: the slots raise the answer's tokens over what
/// the backbone would say, and no more.
#[derive(Clone, Debug, PartialEq)]
pub struct Expert {
    /// The fact's id.
    pub id: String,
    /// Its question, for suggestions.
    pub question: String,
    /// Where the fact was taken from.
    pub source: Option<String>,
    /// The largest loss of an answer token over the stored wordings, in nats, when it was memorised.
    pub loss: f32,
    /// Every stored wording, as a hash.
    pub wordings: Vec<WordingHash>,
    /// Keys of the stored wordings.
    pub keys: Vec<QuestionKeys>,
    /// The answer's tokens in order, the end token last.
    pub slots: Vec<Slot>,
}

/// What selection keeps of one wording.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionKeys {
    /// Routing key.
    pub routing: UnitVector<ROUTING_WIDTH>,
    /// Reader states of its most salient tokens, at most [`MAX_QUESTION_TOKENS`]; none where the wording is not
    /// searched. Then the routing key says where it leads to, for whoever changes the index.
    pub tokens: Vec<TokenKey>,
}

/// The reader state of one token of a wording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenKey {
    /// Direction of the reader state.
    pub key: UnitVector<KEY_WIDTH>,
    /// The token's share of the wording's salience.
    pub salience: f16,
    /// How rare the token is (its inverse document frequency), in sixteenths.
    pub rarity: u8,
}

/// One place of the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// What the query is compared with.
    pub key: UnitVector<KEY_WIDTH>,
    /// The token whose logit the slot raises.
    pub token: u32,
    /// By how much, at full attention.
    pub strength: f16,
}

/// The first 16 bytes of the SHA-256 of a wording, without case, extra white space and final punctuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WordingHash(pub [u8; 16]);

impl WordingHash {
    /// The hash of a wording, or of a question that may be one.
    #[must_use]
    pub fn of(wording: &str) -> Self {
        let mut hash = [0; 16];
        hash.copy_from_slice(&Sha256::digest(normalised(wording).as_bytes())[..16]);
        Self(hash)
    }
}

/// Lower case, single spaces, no punctuation at the end. A wording of punctuation alone stays as it is.
fn normalised(wording: &str) -> String {
    let words = wording.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let bare = words.trim_end_matches(|c: char| c.is_whitespace() || ".?!:;,…".contains(c));
    if bare.is_empty() { words } else { bare.to_owned() }
}

impl Expert {
    /// Its bytes within a shard.
    ///
    /// # Errors
    /// [`PackError::Field`] where a text or a list is longer than the format allows.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let mut writer = Writer::new(OBJECT);
        writer.count16(self.id.len(), "id")?;
        writer.count16(self.question.len(), "question")?;
        match &self.source {
            Some(source) if source.len() >= usize::from(NO_SOURCE) => {
                return Err(PackError::field(OBJECT, "source", "is too long"));
            }
            Some(source) => writer.count16(source.len(), "source")?,
            None => writer.u16(NO_SOURCE),
        }
        writer.count16(self.wordings.len(), "wordings")?;
        writer.count16(self.keys.len(), "keys")?;
        writer.count16(self.slots.len(), "slots")?;
        writer.f32(self.loss);
        writer.raw(self.id.as_bytes());
        writer.raw(self.question.as_bytes());
        writer.raw(self.source.as_deref().unwrap_or_default().as_bytes());
        self.wordings.iter().for_each(|wording| writer.raw(&wording.0));
        for keys in &self.keys {
            if keys.tokens.len() > MAX_QUESTION_TOKENS {
                return Err(PackError::field(OBJECT, "keys", "hold too many tokens of a wording"));
            }
            writer.count16(keys.tokens.len(), "tokens of a wording")?;
            writer.raw(&keys.routing.bytes());
            for token in &keys.tokens {
                writer.f16(token.salience);
                writer.raw(&[token.rarity]);
                writer.raw(&token.key.bytes());
            }
        }
        for slot in &self.slots {
            writer.u32(slot.token);
            writer.f16(slot.strength);
            writer.raw(&slot.key.bytes());
        }
        Ok(writer.finish())
    }

    /// Reads an expert from exactly its bytes.
    ///
    /// # Errors
    /// [`PackError`] naming the field that is cut off, too long, or cannot be.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        let reader = &mut Reader::new(OBJECT, bytes);
        let id_length = reader.u16("length of id")?.into();
        let question_length = reader.u16("length of question")?.into();
        let source_length = reader.u16("length of source")?;
        let wordings: usize = reader.u16("count of wordings")?.into();
        let keys: usize = reader.u16("count of keys")?.into();
        let slots: usize = reader.u16("count of slots")?.into();
        let loss = reader.f32("loss")?;
        let id = reader.text(id_length, "id")?;
        let question = reader.text(question_length, "question")?;
        let source = match source_length {
            NO_SOURCE => None,
            length => Some(reader.text(length.into(), "source")?),
        };
        reader.expect(wordings, 16, "wordings")?;
        let wordings =
            (0..wordings).map(|_| reader.array("wordings").map(WordingHash)).collect::<Result<_, _>>()?;
        reader.expect(keys, 2 + ROUTING_WIDTH, "keys")?;
        let keys = (0..keys).map(|_| QuestionKeys::read(reader)).collect::<Result<_, _>>()?;
        reader.expect(slots, 6 + KEY_WIDTH, "slots")?;
        let slots = (0..slots).map(|_| Slot::read(reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { id, question, source, loss, wordings, keys, slots })
    }
}

impl QuestionKeys {
    /// Whether questions are compared with this wording.
    #[must_use]
    pub fn is_searched(&self) -> bool {
        !self.tokens.is_empty()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, PackError> {
        let count: usize = reader.u16("tokens of a wording")?.into();
        if count > MAX_QUESTION_TOKENS {
            return Err(PackError::field(OBJECT, "keys", "hold too many tokens of a wording"));
        }
        let routing = UnitVector::read(reader, "routing key")?;
        let tokens = (0..count)
            .map(|_| {
                let salience = reader.f16("salience")?;
                let [rarity] = reader.array("rarity")?;
                Ok(TokenKey { key: UnitVector::read(reader, "question key")?, salience, rarity })
            })
            .collect::<Result<_, PackError>>()?;
        Ok(Self { routing, tokens })
    }
}

impl Slot {
    fn read(reader: &mut Reader<'_>) -> Result<Self, PackError> {
        let token = reader.u32("token of a slot")?;
        let strength = reader.f16("strength of a slot")?;
        Ok(Self { key: UnitVector::read(reader, "key of a slot")?, token, strength })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_spaces_and_final_punctuation_do_not_tell_wordings_apart() {
        let hash = WordingHash::of("What is the capital of France?");
        for same in ["what is the capital of france", "  What is  the\tcapital of FRANCE ?! "] {
            assert_eq!(WordingHash::of(same), hash, "{same}");
        }
        for other in ["What is the capital of Frances?", "What's the capital of France?", "?", ""] {
            assert_ne!(WordingHash::of(other), hash, "{other}");
        }
        assert_ne!(WordingHash::of("?"), WordingHash::of("!"));
    }
}
