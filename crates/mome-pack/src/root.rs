//! The root page of the index: a centroid and a link for each shard.

use crate::bytes::{Reader, Writer};
use crate::{Digest, Link, MAX_SHARD, PackError, ROUTING_WIDTH, UnitVector};

const OBJECT: &str = "root page";
const MAGIC: [u8; 4] = *b"MMRT";
const VERSION: u32 = 1;
const LEAF: usize = ROUTING_WIDTH + 32 + 4;

/// The index: where to look for a question with a given routing key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Root {
    /// How many leaves a question is looked for in.
    pub beam: u16,
    /// One for each shard.
    pub leaves: Vec<Leaf>,
}

/// A shard as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaf {
    /// Direction of the middle of its experts' routing keys.
    pub centroid: UnitVector<ROUTING_WIDTH>,
    /// The shard.
    pub shard: Link,
}

impl Root {
    /// The page's bytes.
    ///
    /// # Errors
    /// [`PackError::Field`] where there are too many leaves.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let mut writer = Writer::new(OBJECT);
        writer.header(MAGIC, VERSION);
        writer.u16(self.beam);
        writer.count32(self.leaves.len(), "leaves")?;
        for leaf in &self.leaves {
            writer.raw(&leaf.centroid.bytes());
            writer.raw(&leaf.shard.digest.0);
            writer.count32(leaf.shard.length as usize, "bytes of a shard")?;
        }
        Ok(writer.finish())
    }

    /// Reads a root page.
    ///
    /// # Errors
    /// [`PackError`] naming what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        let mut reader = Reader::new(OBJECT, bytes);
        reader.header(MAGIC, VERSION)?;
        let beam = reader.u16("beam")?;
        let count = reader.u32("count of leaves")? as usize;
        reader.expect(count, LEAF, "leaves")?;
        let leaves = (0..count).map(|_| Leaf::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { beam, leaves })
    }
}

impl Leaf {
    fn read(reader: &mut Reader<'_>) -> Result<Self, PackError> {
        let centroid = UnitVector::read(reader, "centroid")?;
        let digest = Digest(reader.array("digest of a shard")?);
        let length = u64::from(reader.u32("length of a shard")?);
        if length > MAX_SHARD as u64 {
            return Err(PackError::field(
                OBJECT,
                "length of a shard",
                format!("is {length} bytes: too many"),
            ));
        }
        Ok(Self { centroid, shard: Link { digest, length } })
    }
}
