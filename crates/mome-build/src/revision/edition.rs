//! The next edition of a pack: the same models, some experts more or less, and only the shards
//! concerned written anew.

use std::collections::{HashMap, HashSet};

use mome::Mome;
use mome_pack::{Counts, Expert, Link, Manifest};
use serde::Serialize;

use super::catalog::Catalog;
use super::neighbors::{Change, ask, changes, neighbors};
use crate::MemorizeError;
use crate::files::{Objects, PackWriter, Target, seconds_since_1970, write_index};
use crate::index::{Item, Plan};
use crate::memorize::verify::open;
use crate::progress::{Progress, Stage, whole};

/// How a pack is to be changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReviseOptions {
    /// Seed of the random choices that splitting a shard takes.
    pub seed: u64,
    /// Whether objects that only earlier editions have are deleted.
    pub prune: bool,
}

/// A pack after a change. Field names are those of the JSON that `mome memorize --into` and `mome forget` print.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revised {
    /// Counts the editions of the pack.
    pub sequence: u64,
    /// Shards that were written anew.
    pub shards_written: usize,
    /// Facts near those that changed whose questions were asked before and after.
    pub asked_again: usize,
    /// Those of them that are answered otherwise now.
    pub changed: Vec<Change>,
    /// Objects that only earlier editions have: deleted, if that was asked for.
    pub outdated: usize,
    /// Bytes of the pack's objects.
    pub bytes: u64,
    /// How many objects it has.
    pub objects: u64,
}

/// A pack that is about to change.
pub(crate) struct Revision<'a> {
    /// The pack as it is.
    pub(crate) before: &'a Mome,
    /// What lies in it.
    pub(crate) catalog: Catalog,
    target: &'a dyn Target,
    options: ReviseOptions,
    progress: Progress<'a>,
}

/// An expert that comes into a pack.
pub(crate) struct Coming {
    /// What the index sees of it.
    pub(crate) item: Item,
    /// How many wordings it stores.
    pub(crate) wordings: usize,
}

impl<'a> Revision<'a> {
    /// Reads the pack in `target`, which `before` asks.
    ///
    /// # Errors
    /// [`MemorizeError::Mome`] where an object cannot be had or read.
    pub(crate) fn new(
        before: &'a Mome,
        target: &'a dyn Target,
        options: ReviseOptions,
        progress: Progress<'a>,
    ) -> Result<Self, MemorizeError> {
        let catalog = Catalog::read(before.pack(), before.reader().description().layout(), progress)?;
        Ok(Self { before, catalog, target, options, progress })
    }

    /// Publishes the edition without the experts of `gone` and with those that are `coming`, whose bytes `read` brings
    /// by their number among them. Gives what became of it, and the new edition, open.
    ///
    /// # Errors
    /// [`MemorizeError`]; the pack is as it was, unless the error came from asking the new edition.
    pub(crate) fn publish(
        &self,
        gone: &HashSet<usize>,
        coming: &[Coming],
        mut read: impl FnMut(usize) -> Result<Expert, MemorizeError>,
    ) -> Result<(Revised, Mome), MemorizeError> {
        let entries = &self.catalog.entries;
        let touched = gone.iter().map(|&number| &entries[number].item);
        let touched = touched.chain(coming.iter().map(|coming| &coming.item)).map(|item| &item.routing);
        let near = neighbors(entries, |number| !gone.contains(&number), touched);
        let plan = whole(self.progress, Stage::Index, || self.plan(gone, coming));
        let replies = ask(self.before, entries, &near, Stage::AskBefore, self.progress)?;

        let writer = PackWriter::new(self.target);
        let Catalog { plan: plan_before, shards, layout, .. } = &self.catalog;
        let there: HashMap<&[usize], Link> =
            plan_before.shards.iter().map(Vec::as_slice).zip(shards.iter().copied()).collect();
        let written = write_index(
            &writer,
            &plan,
            *layout,
            |members| there.get(members).copied(),
            |members| self.experts(members, &mut read),
            self.progress,
        )?;
        let edition = self.before.pack().envelope();
        if writer.edition_there().as_ref() != Some(edition) {
            return Err(MemorizeError::ChangedMeanwhile);
        }
        let staying = (0..entries.len()).filter(|number| !gone.contains(number));
        let wordings = staying.map(|number| entries[number].wordings.len());
        let wordings: usize = wordings.chain(coming.iter().map(|coming| coming.wordings)).sum();
        let manifest = writer.publish(Manifest {
            created: seconds_since_1970(),
            root: written.link,
            counts: Counts {
                facts: (entries.len() - gone.len() + coming.len()) as u64,
                wordings: wordings as u64,
                shards: written.root.lists.len() as u64,
            },
            ..self.before.pack().manifest().clone()
        })?;

        let after = open(self.target, self.before.executor(), self.before.reader().clone())?;
        let replies_now = ask(&after, entries, &near, Stage::AskAfter, self.progress)?;
        let objects = Objects::of(&manifest, &written.root);
        let outdated = writer.outdated(&objects)?;
        if self.options.prune {
            writer.delete(&outdated)?;
        }
        let revised = Revised {
            sequence: manifest.sequence,
            shards_written: written.shards_written,
            asked_again: near.len(),
            changed: changes(entries, &near, replies, replies_now),
            outdated: outdated.len(),
            bytes: objects.bytes(),
            objects: objects.count(),
        };
        Ok((revised, after))
    }

    /// Where the experts lie in the new edition: those that come are numbered after those that are there.
    fn plan(&self, gone: &HashSet<usize>, coming: &[Coming]) -> Plan {
        let mut plan = self.catalog.plan.clone();
        plan.remove(gone);
        if !coming.is_empty() {
            let there = self.catalog.entries.iter().map(|entry| &entry.item);
            let items: Vec<Item> = there.chain(coming.iter().map(|coming| &coming.item)).cloned().collect();
            let added: Vec<usize> = (self.catalog.entries.len()..items.len()).collect();
            plan.insert(&items, &added, self.options.seed);
        }
        plan
    }

    /// Experts by their numbers: those that are there already come from the pack, the others `read` brings.
    fn experts(
        &self,
        members: &[usize],
        read: &mut impl FnMut(usize) -> Result<Expert, MemorizeError>,
    ) -> Result<Vec<Expert>, MemorizeError> {
        let there = self.catalog.entries.len();
        let (old, new): (Vec<usize>, Vec<usize>) = members.iter().partition(|&&number| number < there);
        let mut experts = self.catalog.experts(self.before.pack(), &old)?;
        for number in new {
            experts.insert(number, read(number - there)?);
        }
        Ok(members.iter().filter_map(|number| experts.remove(number)).collect())
    }
}
