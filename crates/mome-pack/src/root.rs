//! The root page of the index, which is an inverted file: a centroid and a link for each shard.

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
    /// How many lists a question is looked for in.
    pub nprobe: u16,
    /// One for each shard.
    pub lists: Vec<InvertedList>,
}

/// A shard as the index knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct InvertedList<Shard = Link> {
    /// Direction of the middle of its experts' routing keys.
    pub centroid: RoutingKey,
    /// What leads to the shard: its link in a page of the index.
    pub shard: Shard,
}

impl Root {
    /// The page's bytes.
    ///
    /// # Errors
    /// [`PackError::Field`] where there are too many lists, or a centroid has another width.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let mut writer = Writer::new(OBJECT);
        writer.header(MAGIC, VERSION);
        writer.count16(self.width, "width of routing keys")?;
        writer.u16(self.nprobe);
        writer.count32(self.lists.len(), "lists")?;
        for list in &self.lists {
            if list.centroid.width() != self.width {
                let problem = format!("has {} components, not {}", list.centroid.width(), self.width);
                return Err(PackError::field(OBJECT, "centroid", problem));
            }
            writer.raw(&list.centroid.bytes());
            writer.raw(&list.shard.digest.0);
            writer.count32(list.shard.length as usize, "bytes of a shard")?;
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
        let nprobe = reader.u16("nprobe")?;
        let count = reader.u32("count of lists")? as usize;
        reader.expect(count, width + 32 + 4, "lists")?;
        let lists = (0..count).map(|_| InvertedList::read(&mut reader, width)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { width, nprobe, lists })
    }
}

impl InvertedList {
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
