//! Who does the arithmetic: which instructions, on how many threads.

use super::simd::Level;

/// Instructions and threads.
pub(super) struct Processor {
    pub level: Level,
    #[cfg(not(target_arch = "wasm32"))]
    helpers: Option<rayon::ThreadPool>,
}

impl Processor {
    /// The best instructions there are, on `threads` threads, of which the caller's is one.
    pub(super) fn new(threads: usize) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        let helpers = match threads {
            0 | 1 => None,
            _ => rayon::ThreadPoolBuilder::new().num_threads(threads - 1).build().ok(),
        };
        Self {
            level: Level::best(),
            #[cfg(not(target_arch = "wasm32"))]
            helpers,
        }
    }

    /// Cuts `items` into at most `most` runs of whole units, one for each thread, and does `work` on all at once. It is
    /// told the first unit of its run.
    pub(super) fn share<T: Send>(
        &self,
        items: &mut [T],
        unit: usize,
        most: usize,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(helpers) = &self.helpers
            && most > 1
            && rayon::current_thread_index().is_none()
        {
            let shares = most.min(helpers.current_num_threads() + 1);
            let units = items.len() / unit.max(1);
            let share = units.div_ceil(shares) * unit;
            if share < items.len() {
                let (own, others) = items.split_at_mut(share);
                let work = &work;
                helpers.in_place_scope(|scope| {
                    for (index, items) in others.chunks_mut(share).enumerate() {
                        scope.spawn(move |_| work((index + 1) * share / unit, items));
                    }
                    work(0, own);
                });
                return;
            }
        }
        work(0, items);
    }
}
