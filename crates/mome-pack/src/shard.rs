//! A shard: some experts that lie near one another, in one object.

use crate::bytes::{Reader, Writer};
use crate::routing_key::read_width;
use crate::{Expert, PackError, WordingLayout};

/// How large shards are made: small enough that a question fetches little, large enough that it needs few.
pub const TARGET_SHARD: usize = 64 * 1024;

/// The largest shard there is: one that holds a single large expert.
pub const MAX_SHARD: usize = 256 * 1024;

const OBJECT: &str = "shard";
const MAGIC: [u8; 4] = *b"MMSH";
const VERSION: u32 = 3;
const HEADER: usize = 16;

/// Some experts that lie near one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Shard {
    /// How their wordings are laid out.
    pub layout: WordingLayout,
    /// The experts, in the order of the shard.
    pub experts: Vec<Expert>,
}

impl Shard {
    /// What a shard takes beside its experts, in bytes: header and count, then a length for each expert.
    #[must_use]
    pub fn overhead(experts: usize) -> usize {
        HEADER + 4 * experts
    }

    /// The shard's bytes.
    ///
    /// # Errors
    /// [`PackError::Field`] where an expert does not fit the format or the shard is larger than [`MAX_SHARD`].
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let encode = |expert: &Expert| expert.encode(self.layout);
        let experts = self.experts.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        let mut writer = Writer::new(OBJECT);
        writer.header(MAGIC, VERSION);
        writer.count16(self.layout.width, "width of routing keys")?;
        writer.u16(if self.layout.wide_tokens { 4 } else { 2 });
        writer.count32(experts.len(), "experts")?;
        for expert in &experts {
            writer.count32(expert.len(), "bytes of an expert")?;
        }
        experts.iter().for_each(|expert| writer.raw(expert));
        let bytes = writer.finish();
        if bytes.len() > MAX_SHARD {
            return Err(PackError::field(OBJECT, "experts", format!("take {} bytes: too many", bytes.len())));
        }
        Ok(bytes)
    }

    /// Reads a shard.
    ///
    /// # Errors
    /// [`PackError`] naming what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        let mut reader = Reader::new(OBJECT, bytes);
        reader.header(MAGIC, VERSION)?;
        let width = read_width(&mut reader, OBJECT)?;
        let wide_tokens = match reader.u16("bytes of a token")? {
            2 => false,
            4 => true,
            other => {
                return Err(PackError::field(OBJECT, "bytes of a token", format!("are {other}, not 2 or 4")));
            }
        };
        let layout = WordingLayout { width, wide_tokens };
        let count = reader.u32("count of experts")? as usize;
        reader.expect(count, 4, "lengths of experts")?;
        let lengths =
            (0..count).map(|_| reader.u32("length of an expert")).collect::<Result<Vec<_>, PackError>>()?;
        let experts = lengths
            .into_iter()
            .map(|length| Expert::decode(reader.take(length as usize, "expert")?, layout))
            .collect::<Result<_, PackError>>()?;
        reader.finish()?;
        Ok(Self { layout, experts })
    }
}
