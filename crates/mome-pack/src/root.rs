//! The root page of the index: a centroid and a link for each shard.

use crate::bytes::{Reader, Writer};
use crate::routing_key::read_width;
use crate::{Digest, Link, MAX_SHARD, PackError, RoutingKey};

const OBJECT: &str = "root page";
const MAGIC: [u8; 4] = *b"MMRT";
const VERSION: u32 = 2;

/// The index: where to look for a question with a given embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// Width of the encoder's embeddings, which centroids have.
    pub width: usize,
    /// How many leaves a question is looked for in.
    pub beam: u16,
    /// One for each shard.
    pub leaves: Vec<Leaf>,
}

/// A shard as the index knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Direction of the middle of its experts' routing keys.
    pub centroid: RoutingKey,
    /// The shard.
    pub shard: Link,
}

impl Root {
    /// The page's bytes.
    ///
    /// # Errors
    /// [`PackError::Field`] where there are too many leaves, or a centroid has another width.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let mut writer = Writer::new(OBJECT);
        writer.header(MAGIC, VERSION);
        writer.count16(self.width, "width of routing keys")?;
        writer.u16(self.beam);
        writer.count32(self.leaves.len(), "leaves")?;
        for leaf in &self.leaves {
            if leaf.centroid.width() != self.width {
                let problem = format!("has {} components, not {}", leaf.centroid.width(), self.width);
                return Err(PackError::field(OBJECT, "centroid", problem));
            }
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
        let width = read_width(&mut reader, OBJECT)?;
        let beam = reader.u16("beam")?;
        let count = reader.u32("count of leaves")? as usize;
        reader.expect(count, width + 32 + 4, "leaves")?;
        let leaves = (0..count).map(|_| Leaf::read(&mut reader, width)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { width, beam, leaves })
    }
}

impl Leaf {
    fn read(reader: &mut Reader<'_>, width: usize) -> Result<Self, PackError> {
        let centroid = RoutingKey::read(reader, width, "centroid")?;
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
