//! The index of a pack among its files: the shards that a plan calls for, and the root page that leads to them.

use mome_pack::{Expert, InvertedList, Link, Root, Shard, WordingLayout};

use super::writer::PackWriter;
use crate::MemorizeError;
use crate::index::Plan;
use crate::progress::{Progress, Stage, counted};

/// An index that was written.
pub(crate) struct WrittenIndex {
    /// Its root page.
    pub(crate) root: Root,
    /// What leads there.
    pub(crate) link: Link,
    /// How many shards were not there before.
    pub(crate) shards_written: usize,
}

/// Writes the shards of a plan and the root page. `there` finds the shard that holds just these experts already, if one
/// does; `experts` brings experts by their numbers, in that order.
///
/// # Errors
/// [`MemorizeError::Pack`] or [`MemorizeError::Write`] where an object cannot be written, and what `experts` reports.
pub(crate) fn write_index(
    writer: &PackWriter<'_>,
    plan: &Plan,
    layout: WordingLayout,
    there: impl Fn(&[usize]) -> Option<Link>,
    mut experts: impl FnMut(&[usize]) -> Result<Vec<Expert>, MemorizeError>,
    progress: Progress<'_>,
) -> Result<WrittenIndex, MemorizeError> {
    let mut shards_written = 0;
    let lists = counted(progress, Stage::Write, plan.shards.len(), |done| {
        let mut lists = Vec::with_capacity(plan.shards.len());
        for (members, centroid) in plan.shards.iter().zip(&plan.centroids) {
            let shard = match there(members) {
                Some(link) => link,
                None => {
                    shards_written += 1;
                    writer.object(&Shard { layout, experts: experts(members)? }.encode()?)?
                }
            };
            lists.push(InvertedList { centroid: centroid.clone(), shard });
            done();
        }
        Ok::<_, MemorizeError>(lists)
    })?;
    let root = Root { width: layout.width, nprobe: plan.nprobe as u16, lists };
    let link = writer.object(&root.encode()?)?;
    Ok(WrittenIndex { root, link, shards_written })
}
