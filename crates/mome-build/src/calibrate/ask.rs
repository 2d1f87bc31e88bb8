//! A pack that is not written yet, put to calibration questions: its wordings in memory, behind its index.

use mome_pack::{Expert, InvertedList};
use mome_retrieval::Reading;
use mome_retrieval::judging::{Candidate, candidates};
use mome_retrieval::ranking::{FactKeys, WordingKeys};
use mome_retrieval::{FlatRouter, Reader, Router as _};

use crate::MemorizeError;
use crate::files::Journal;
use crate::index::Plan;
use crate::memorize::experts::Held;
use crate::side_by_side::side_by_side;

/// What a question may not see of the fact that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// The wording itself.
    Wording,
    /// All of it.
    Fact,
}

/// What came first.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(super) best: Candidate,
    /// The number of that fact.
    pub(super) fact: usize,
    /// Whether it is the fact that the question asks for.
    pub(super) right: bool,
}

/// The facts of a pack, behind its index where there is one; else all are searched.
pub(super) struct Memory<'a> {
    reader: &'a dyn Reader,
    facts: Vec<FactKeys>,
    /// Leads to the facts of shards.
    index: Option<FlatRouter<&'a [usize]>>,
}

impl<'a> Memory<'a> {
    /// Takes the experts held from the journal.
    ///
    /// # Errors
    /// [`MemorizeError::Write`] where it cannot be read.
    pub(super) fn of_journal(
        reader: &'a dyn Reader,
        held: &[Held],
        plan: &'a Plan,
        journal: &mut Journal<'_>,
    ) -> Result<Self, MemorizeError> {
        let layout = reader.description().layout();
        let keys = |held: &Held| Ok(FactKeys::new(&Expert::decode(&journal.get(held.place)?, layout)?));
        let facts = held.iter().map(keys).collect::<Result<_, MemorizeError>>()?;
        let lists = plan.centroids.iter().cloned().zip(&plan.shards);
        let lists =
            lists.map(|(centroid, shard)| InvertedList { centroid, shard: shard.as_slice() }).collect();
        let router = FlatRouter::new(layout.width, plan.nprobe, lists);
        Ok(Self { reader, facts, index: Some(router) })
    }

    /// Reads questions, each of which is the one wording of a fact.
    ///
    /// # Errors
    /// [`MemorizeError::Reader`] where a text could not be read.
    pub(super) fn of_questions(reader: &'a dyn Reader, questions: &[&str]) -> Result<Self, MemorizeError> {
        let keys = |question: &&str| {
            let wording = pollster::block_on(reader.read(question))?.wording(question);
            let keys = WordingKeys { embedding: wording.routing.dequantize(), tokens: wording.tokens };
            Ok::<_, MemorizeError>(FactKeys { wordings: vec![keys] })
        };
        Ok(Self { reader, facts: side_by_side(questions, keys)?, index: None })
    }

    /// How many wordings of a fact are stored.
    pub(super) fn wordings(&self, fact: usize) -> usize {
        self.facts[fact].wordings.len()
    }

    /// Asks a stored wording. `None` where nothing is left to find.
    pub(super) fn ask(
        &self,
        fact: usize,
        wording: usize,
        hide: Hidden,
    ) -> Result<Option<Asked>, MemorizeError> {
        let keys = &self.facts[fact].wordings[wording];
        let reading = Reading { embedding: keys.embedding.clone(), tokens: keys.tokens.clone(), cut: false };
        let hidden = |other: usize, key: usize| other == fact && (hide == Hidden::Fact || key == wording);
        let best = self.best(&reading, hidden)?;
        Ok(best.map(|(found, best)| Asked {
            best,
            fact: found,
            right: hide == Hidden::Wording && found == fact,
        }))
    }

    /// Asks any text, whose right reply is this fact, or "I don't know"; the facts of `hide` are not seen.
    pub(super) fn ask_text(
        &self,
        text: &str,
        right: Option<usize>,
        hide: Option<usize>,
    ) -> Result<Option<Asked>, MemorizeError> {
        let reading = pollster::block_on(self.reader.read(text))?;
        let best = self.best(&reading, |fact, _| hide == Some(fact))?;
        Ok(best.map(|(found, best)| Asked { best, right: right == Some(found), fact: found }))
    }

    /// Asks a near miss of a fact. `None` where it finds another fact: it may well ask for that one.
    ///
    /// # Errors
    /// [`MemorizeError::Reader`] where a text could not be read.
    pub(super) fn ask_near_miss(&self, text: &str, of: usize) -> Result<Option<Asked>, MemorizeError> {
        let asked = self.ask_text(text, None, None)?;
        Ok(asked.filter(|asked| asked.fact == of))
    }

    /// The best candidate with the number of its fact, through the index. `hidden` says which wordings of which
    /// fact may not be seen.
    fn best(
        &self,
        reading: &Reading,
        hidden: impl Fn(usize, usize) -> bool,
    ) -> Result<Option<(usize, Candidate)>, MemorizeError> {
        let near: Vec<usize> = match &self.index {
            None => (0..self.facts.len()).collect(),
            Some(router) => {
                let shards = pollster::block_on(router.route(&reading.embedding))?;
                let mut near: Vec<usize> = shards.into_iter().flatten().copied().collect();
                near.sort_unstable();
                near.dedup();
                near
            }
        };
        let facts: Vec<&FactKeys> = near.iter().map(|&fact| &self.facts[fact]).collect();
        let hidden = |fact: usize, wording: usize| hidden(near[fact], wording);
        let candidates = pollster::block_on(candidates(self.reader, reading, &facts, hidden))?;
        Ok(candidates.into_iter().next().map(|best| (near[best.near.fact], best)))
    }
}
