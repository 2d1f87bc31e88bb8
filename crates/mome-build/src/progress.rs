//! What memorising is busy with, and how far it is.

use std::sync::atomic::{AtomicU64, Ordering};

/// What memorising, or changing a pack, is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The pack that is to be changed is read.
    Open,
    /// It is found out how a backbone without a query object is to attend to slots.
    Query,
    /// W_query is trained.
    Train,
    /// Facts get their slots.
    Memorize,
    /// Experts are spread over shards.
    Index,
    /// Questions are made and judged, and the gate is fitted and calibrated by them.
    Calibrate,
    /// Facts near those that change are asked.
    AskBefore,
    /// Objects are written.
    Write,
    /// The finished pack is asked every new fact.
    Verify,
    /// Facts near those that changed are asked again.
    AskAfter,
}

/// Who is told how far it is: the stage, how much of it is done, and how much there is. Calls may come from several
/// threads.
pub type Progress<'a> = &'a (dyn Fn(Stage, u64, u64) + Sync);

/// Runs `work`, which calls its argument after each of `total` items, and says how far it is.
pub fn counted<T>(
    progress: Progress<'_>,
    stage: Stage,
    total: usize,
    work: impl FnOnce(&(dyn Fn() + Sync)) -> T,
) -> T {
    let count = AtomicU64::new(0);
    let total = total as u64;
    progress(stage, 0, total);
    work(&|| progress(stage, count.fetch_add(1, Ordering::Relaxed) + 1, total))
}

/// Runs `work`, which cannot say how far it is.
pub(crate) fn whole<T>(progress: Progress<'_>, stage: Stage, work: impl FnOnce() -> T) -> T {
    counted(progress, stage, 1, |done| {
        let outcome = work();
        done();
        outcome
    })
}
