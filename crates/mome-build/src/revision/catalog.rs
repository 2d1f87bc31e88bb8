//! What lies in a pack, as far as changing it needs to know: all but keys and slots of its experts.

use std::collections::{BTreeSet, HashMap};

use mome::{MomeError, Pack};
use mome_pack::{Digest, Expert, Link, WordingHash, WordingLayout};

use crate::MemorizeError;
use crate::index::{Item, Plan};
use crate::progress::{Progress, Stage, counted};

/// The experts of a pack, numbered in the order in which they are first met, and the shards that they lie in.
pub(crate) struct Catalog {
    /// The experts.
    pub(crate) entries: Vec<Entry>,
    /// Which expert lies in which shard.
    pub(crate) plan: Plan,
    /// The shards.
    pub(crate) shards: Vec<Link>,
    /// How wordings are laid out in them.
    pub(crate) layout: WordingLayout,
    numbers: HashMap<String, usize>,
}

/// An expert of a pack.
pub(crate) struct Entry {
    /// The fact's id.
    pub(crate) id: String,
    /// Its question.
    pub(crate) question: String,
    /// The tokens of its answer, the end token included.
    pub(crate) answer: Vec<u32>,
    /// Every stored wording.
    pub(crate) wordings: Vec<WordingHash>,
    /// What the index sees of it.
    pub(crate) item: Item,
    /// Digest of its bytes.
    pub(crate) digest: Digest,
    /// A shard that holds it.
    shard: usize,
}

impl Catalog {
    /// Reads all shards of a pack.
    ///
    /// # Errors
    /// [`MemorizeError::Mome`] where one cannot be had or read.
    pub(crate) fn read(
        pack: &Pack,
        layout: WordingLayout,
        progress: Progress<'_>,
    ) -> Result<Self, MemorizeError> {
        let lists = pollster::block_on(pack.router().lists()).map_err(MomeError::from)?;
        let mut catalog = Self {
            entries: Vec::new(),
            plan: Plan {
                nprobe: pack.router().nprobe(),
                centroids: lists.iter().map(|list| list.centroid.clone()).collect(),
                shards: Vec::with_capacity(lists.len()),
            },
            shards: lists.iter().map(|list| list.shard).collect(),
            layout,
            numbers: HashMap::new(),
        };
        counted(progress, Stage::Open, lists.len(), |done| {
            for (number, list) in lists.iter().enumerate() {
                let shard = pollster::block_on(pack.shard(&list.shard))?;
                let members = shard.experts.into_iter().map(|expert| catalog.enter(expert, number));
                let members = members.collect::<Result<_, _>>()?;
                catalog.plan.shards.push(members);
                done();
            }
            Ok(catalog)
        })
    }

    /// The number of the expert with this id.
    pub(crate) fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// These experts, read from the pack.
    ///
    /// # Errors
    /// [`MemorizeError::Mome`] where a shard cannot be had or read.
    pub(crate) fn experts(
        &self,
        pack: &Pack,
        numbers: &[usize],
    ) -> Result<HashMap<usize, Expert>, MemorizeError> {
        let shards: BTreeSet<usize> = numbers.iter().map(|&number| self.entries[number].shard).collect();
        let mut experts = HashMap::with_capacity(numbers.len());
        for shard in shards {
            let read = pollster::block_on(pack.shard(&self.shards[shard]))?;
            experts.extend(self.plan.shards[shard].iter().copied().zip(read.experts));
        }
        Ok(experts)
    }

    /// Notes an expert that lies in a shard, and gives its number.
    fn enter(&mut self, expert: Expert, shard: usize) -> Result<usize, MemorizeError> {
        if let Some(number) = self.number(&expert.id) {
            return Ok(number);
        }
        let bytes = expert.encode(self.layout)?;
        self.numbers.insert(expert.id.clone(), self.entries.len());
        self.entries.push(Entry {
            item: Item::new(&expert, bytes.len()),
            digest: Digest::of(&bytes),
            id: expert.id,
            question: expert.question,
            answer: expert.slots.iter().map(|slot| slot.token).collect(),
            wordings: expert.wordings.iter().map(|wording| wording.hash).collect(),
            shard,
        });
        Ok(self.entries.len() - 1)
    }
}
