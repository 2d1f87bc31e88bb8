//! An expert: what the memory holds for one fact.

use half::f16;

use crate::bytes::{Reader, Writer};
use crate::{KEY_WIDTH, PackError, RoutingKey, UnitVector, WordingHash};

/// The most tokens that an expert keeps of one wording.
pub const MAX_WORDING_TOKENS: usize = 128;

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
    /// The stored wordings, the question first.
    pub wordings: Vec<Wording>,
    /// The answer's tokens in order, the end token last.
    pub slots: Vec<Slot>,
}

/// A wording as the reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wording {
    /// Its text, as a hash.
    pub hash: WordingHash,
    /// Its embedding.
    pub routing: RoutingKey,
    /// Its tokens in the encoder's vocabulary, without the special ones; at most [`MAX_WORDING_TOKENS`].
    pub tokens: Vec<u32>,
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

/// How a pack's encoder lays out wordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordingLayout {
    /// Width of its embeddings, which routing keys have.
    pub width: usize,
    /// Whether a token takes four bytes, for a vocabulary of more than 65,536; else two.
    pub wide_tokens: bool,
}

impl WordingLayout {
    /// The layout for an encoder with embeddings of this width and so many tokens.
    #[must_use]
    pub fn new(width: usize, vocabulary: usize) -> Self {
        Self { width, wide_tokens: vocabulary > 1 << 16 }
    }
}

impl Expert {
    /// Its bytes within a shard.
    ///
    /// # Errors
    /// [`PackError::Field`] where a text or a list is longer than the format allows, or there are no slots.
    pub fn encode(&self, layout: WordingLayout) -> Result<Vec<u8>, PackError> {
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
        check_lists(self.wordings.len(), self.slots.len())?;
        writer.count16(self.wordings.len(), "wordings")?;
        writer.count16(self.slots.len(), "slots")?;
        writer.f32(self.loss);
        writer.raw(self.id.as_bytes());
        writer.raw(self.question.as_bytes());
        writer.raw(self.source.as_deref().unwrap_or_default().as_bytes());
        for wording in &self.wordings {
            wording.write(&mut writer, layout)?;
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
    pub fn decode(bytes: &[u8], layout: WordingLayout) -> Result<Self, PackError> {
        let reader = &mut Reader::new(OBJECT, bytes);
        let id_length = reader.u16("length of id")?.into();
        let question_length = reader.u16("length of question")?.into();
        let source_length = reader.u16("length of source")?;
        let wordings: usize = reader.u16("count of wordings")?.into();
        let slots: usize = reader.u16("count of slots")?.into();
        check_lists(wordings, slots)?;
        let loss = reader.f32("loss")?;
        let id = reader.text(id_length, "id")?;
        let question = reader.text(question_length, "question")?;
        let source = match source_length {
            NO_SOURCE => None,
            length => Some(reader.text(length.into(), "source")?),
        };
        reader.expect(wordings, 18 + layout.width, "wordings")?;
        let wordings = (0..wordings).map(|_| Wording::read(reader, layout)).collect::<Result<_, _>>()?;
        reader.expect(slots, 6 + KEY_WIDTH, "slots")?;
        let slots = (0..slots).map(|_| Slot::read(reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { id, question, source, loss, wordings, slots })
    }
}

/// An expert answers something (the end token at least) to something.
fn check_lists(wordings: usize, slots: usize) -> Result<(), PackError> {
    for (field, count) in [("wordings", wordings), ("slots", slots)] {
        if count == 0 {
            return Err(PackError::field(OBJECT, field, "are none"));
        }
    }
    Ok(())
}

impl Wording {
    fn write(&self, writer: &mut Writer, layout: WordingLayout) -> Result<(), PackError> {
        check_count(self.tokens.len())?;
        if self.routing.width() != layout.width {
            let problem = format!("has {} components, not {}", self.routing.width(), layout.width);
            return Err(PackError::field(OBJECT, "routing key", problem));
        }
        writer.raw(&self.hash.0);
        writer.count16(self.tokens.len(), "tokens of a wording")?;
        writer.raw(&self.routing.bytes());
        for &token in &self.tokens {
            match u16::try_from(token) {
                _ if layout.wide_tokens => writer.u32(token),
                Ok(token) => writer.u16(token),
                Err(_) => {
                    let problem = format!("hold {token}, which does not fit 16 bits");
                    return Err(PackError::field(OBJECT, "tokens of a wording", problem));
                }
            }
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>, layout: WordingLayout) -> Result<Self, PackError> {
        let hash = WordingHash(reader.array("hash of a wording")?);
        let count: usize = reader.u16("count of tokens of a wording")?.into();
        check_count(count)?;
        let routing = RoutingKey::read(reader, layout.width, "routing key")?;
        let field = "tokens of a wording";
        let token = |_| match layout.wide_tokens {
            true => reader.u32(field),
            false => reader.u16(field).map(u32::from),
        };
        Ok(Self { hash, routing, tokens: (0..count).map(token).collect::<Result<_, _>>()? })
    }
}

fn check_count(tokens: usize) -> Result<(), PackError> {
    if tokens > MAX_WORDING_TOKENS {
        let problem = format!("are {tokens}, more than {MAX_WORDING_TOKENS}");
        return Err(PackError::field(OBJECT, "tokens of a wording", problem));
    }
    Ok(())
}

impl Slot {
    fn read(reader: &mut Reader<'_>) -> Result<Self, PackError> {
        let token = reader.u32("token of a slot")?;
        let strength = reader.f16("strength of a slot")?;
        Ok(Self { key: UnitVector::read(reader, "key of a slot")?, token, strength })
    }
}
