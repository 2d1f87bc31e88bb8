//! A shard: some experts that lie near one another, in one object.

use crate::bytes::{Reader, Writer};
use crate::{Expert, PackError};

/// How large shards are made: small enough that a question fetches little, large enough that it needs few.
pub const TARGET_SHARD: usize = 64 * 1024;

/// The largest shard there is: one that holds a single large expert.
pub const MAX_SHARD: usize = 256 * 1024;

const OBJECT: &str = "shard";
const MAGIC: [u8; 4] = *b"MMSH";
const VERSION: u32 = 2;

/// Some experts that lie near one another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shard {
    /// The experts, in the order of the shard.
    pub experts: Vec<Expert>,
}

impl Shard {
    /// What a shard takes beside its experts, in bytes: header and count, then a length for each expert.
    #[must_use]
    pub fn overhead(experts: usize) -> usize {
        12 + 4 * experts
    }

    /// The shard's bytes.
    ///
    /// # Errors
    /// [`PackError::Field`] where an expert does not fit the format or the shard is larger than [`MAX_SHARD`].
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let experts = self.experts.iter().map(Expert::encode).collect::<Result<Vec<_>, _>>()?;
        let mut writer = Writer::new(OBJECT);
        writer.header(MAGIC, VERSION);
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
        let count = reader.u32("count of experts")? as usize;
        reader.expect(count, 4, "lengths of experts")?;
        let lengths =
            (0..count).map(|_| reader.u32("length of an expert")).collect::<Result<Vec<_>, PackError>>()?;
        let experts = lengths
            .into_iter()
            .map(|length| Expert::decode(reader.take(length as usize, "expert")?))
            .collect::<Result<_, PackError>>()?;
        reader.finish()?;
        Ok(Self { experts })
    }
}
