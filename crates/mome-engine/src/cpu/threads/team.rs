//! Threads that wait for work awake.
//!
//! A pass of a small model consists of pieces of a few microseconds each, while waking a thread takes tens of them. So
//! helpers look out for the next piece for a while before they sleep, and the caller for their results.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::thread::{self, JoinHandle};

/// How often to look for work before sleeping: some tens of microseconds.
const LOOKS: usize = 2000;

/// The caller's thread and its helpers.
pub(super) struct Team {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    /// Held by the caller that has the helpers.
    taken: Mutex<()>,
}

/// What helpers look at.
struct Shared {
    /// The number of the job, whether it is [`OPEN`], and how many helpers have joined it.
    state: AtomicU64,
    /// The job, while it is open or has helpers.
    job: AtomicPtr<Job<'static>>,
    failed: AtomicBool,
    stop: AtomicBool,
}

/// Set while helpers may join the job; the number of helpers is below it, the job's above.
const OPEN: u64 = 1 << 31;
const NUMBER: u64 = 1 << 32;

/// One piece of work, to be done by any number of threads at once, each of which does what the others leave.
struct Job<'a>(&'a (dyn Fn() + Sync));

impl Team {
    /// A team of `threads`; `None` where that is one, or where threads cannot be had.
    pub(super) fn new(threads: usize) -> Option<Self> {
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            job: AtomicPtr::default(),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let helper = |index| {
            let shared = shared.clone();
            thread::Builder::new().name(format!("mome-cpu-{index}")).spawn(move || shared.help()).ok()
        };
        let helpers: Vec<_> = (1..threads).map_while(helper).collect();
        (!helpers.is_empty()).then(|| Self { shared, helpers, taken: Mutex::new(()) })
    }

    /// Threads, the caller's included.
    pub(super) fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Does `work` on each item, which it is told the index of. The caller does what no helper has begun: so a helper
    /// that the system has put aside holds nothing up. Where another caller has the helpers, this one does all.
    pub(super) fn for_each<I: Send>(&self, items: impl Iterator<Item = I>, work: impl Fn(usize, I) + Sync) {
        // A caller that panicked left nothing half done.
        let _taken = match self.taken.try_lock() {
            Ok(taken) => taken,
            Err(TryLockError::Poisoned(taken)) => taken.into_inner(),
            Err(TryLockError::WouldBlock) => {
                items.enumerate().for_each(|(index, item)| work(index, item));
                return;
            }
        };
        let items: Vec<Mutex<Option<I>>> = items.map(|item| Mutex::new(Some(item))).collect();
        let next = AtomicUsize::new(0);
        self.run(&|| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { return };
                if let Some(item) = item.lock().ok().and_then(|mut item| item.take()) {
                    work(index, item);
                }
            }
        });
    }

    /// Does `work` on this thread, and on those of all helpers that come in time.
    fn run(&self, work: &(dyn Fn() + Sync)) {
        let shared = &*self.shared;
        let job = Job(work);
        shared.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        shared.state.fetch_add(NUMBER | OPEN, Ordering::Release);
        self.helpers.iter().for_each(|helper| helper.thread().unpark());
        // Waits for the helpers even if the caller's own work panics, since they borrow from its stack.
        let waiting = Waiting(shared);
        work();
        drop(waiting);
        if shared.failed.swap(false, Ordering::Relaxed) {
            resume_unwind(Box::new("a thread of the CPU executor panicked"));
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            // It has nothing to say, and a panic was passed on already.
            let _ = helper.join();
        }
    }
}

/// When dropped, closes the job and waits for the helpers that have joined it.
struct Waiting<'a>(&'a Shared);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.fetch_and(!OPEN, Ordering::Acquire) & !OPEN;
        let mut looks = 0;
        while !state.is_multiple_of(NUMBER) {
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
            } else {
                thread::yield_now();
            }
            state = self.0.state.load(Ordering::Acquire);
        }
    }
}

impl Shared {
    /// What a helper does all its life.
    fn help(&self) {
        let mut last = 0;
        while let Some(number) = self.join(last) {
            last = number;
            let job = self.job.load(Ordering::Relaxed);
            #[expect(unsafe_code, reason = "work borrows from the caller, whom no safe thread outlives")]
            // SAFETY: the job was open when this helper joined it, so this is the one stored before it was opened; the
            // caller keeps it, and what it borrows, for as long as a helper has joined.
            let job = unsafe { &*job };
            if catch_unwind(AssertUnwindSafe(job.0)).is_err() {
                self.failed.store(true, Ordering::Relaxed);
            }
            self.state.fetch_sub(1, Ordering::Release);
        }
    }

    /// Joins an open job other than `last`, once there is one, and returns its number; `None` at the end.
    fn join(&self, last: u64) -> Option<u64> {
        let mut looks = 0;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            let state = self.state.load(Ordering::Relaxed);
            let number = state / NUMBER;
            if state & OPEN != 0 && number != last {
                let joined =
                    self.state.compare_exchange(state, state + 1, Ordering::Acquire, Ordering::Relaxed);
                if joined.is_ok() {
                    return Some(number);
                }
                continue;
            }
            looks += 1;
            // What is unparked before it parks goes on at once, so no job is slept over.
            if looks < LOOKS {
                std::hint::spin_loop();
            } else {
                thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for threads in 2..5 {
            let team = Team::new(threads).unwrap();
            assert_eq!(team.threads(), threads);
            let mut numbers = vec![0u64; 1000];
            for _ in 0..300 {
                let share = numbers.len().div_ceil(threads);
                team.for_each(numbers.chunks_mut(share), |index, numbers| {
                    for (at, number) in numbers.iter_mut().enumerate() {
                        *number += (index * share + at) as u64;
                    }
                });
            }
            assert!(numbers.iter().enumerate().all(|(at, number)| *number == 300 * at as u64));
        }
        assert!(Team::new(1).is_none());
    }

    #[test]
    fn sleepers_wake_and_callers_may_be_many() {
        let team = Team::new(2).unwrap();
        let sums: Vec<AtomicUsize> = (0..4).map(|_| AtomicUsize::new(0)).collect();
        thread::scope(|scope| {
            for sum in &sums {
                let team = &team;
                scope.spawn(move || {
                    for _ in 0..50 {
                        thread::sleep(std::time::Duration::from_micros(300));
                        team.for_each(1..3, |_, number| {
                            sum.fetch_add(number, Ordering::Relaxed);
                        });
                    }
                });
            }
        });
        assert!(sums.iter().all(|sum| sum.load(Ordering::Relaxed) == 150));
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        let team = Team::new(2).unwrap();
        for culprit in 0..2 {
            let run = || team.for_each(0..2, |index, _: usize| assert_ne!(index, culprit));
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
        let count = AtomicUsize::new(0);
        team.for_each(0..2, |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 2);
    }
}
