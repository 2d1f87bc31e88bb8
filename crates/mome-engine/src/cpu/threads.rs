//! Who does the arithmetic: which instructions, on how many threads.

#[cfg(not(target_arch = "wasm32"))]
mod team;

use super::simd::Level;
#[cfg(not(target_arch = "wasm32"))]
use team::Team;

/// Pieces that work is cut into for each thread, so that none waits long for another.
#[cfg(not(target_arch = "wasm32"))]
const SHARES: usize = 4;

/// Instructions and threads.
pub(super) struct Processor {
    pub level: Level,
    /// `None` where there is one thread.
    #[cfg(not(target_arch = "wasm32"))]
    team: Option<Team>,
}

impl Processor {
    /// The best instructions there are, on `threads` threads, of which the caller's is one.
    pub(super) fn new(threads: usize) -> Self {
        #[cfg(target_arch = "wasm32")]
        let _ = threads;
        Self {
            level: Level::best(),
            #[cfg(not(target_arch = "wasm32"))]
            team: Team::new(threads),
        }
    }

    /// Cuts `items` into at most `most` runs of whole units, and does `work` on all of them, on several threads at once.
    /// It is told the first unit of its run.
    pub(super) fn share<T: Send>(
        &self,
        items: &mut [T],
        unit: usize,
        most: usize,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(team) = &self.team
            && most > 1
            // A caller that is one of many leaves the other cores to the others.
            && rayon::current_thread_index().is_none()
        {
            let shares = most.min(team.threads() * SHARES);
            let share = (items.len() / unit.max(1)).div_ceil(shares).max(1);
            team.for_each(items.chunks_mut(share * unit), |index, items| work(index * share, items));
            return;
        }
        #[cfg(target_arch = "wasm32")]
        let _ = (unit, most);
        work(0, items);
    }
}
