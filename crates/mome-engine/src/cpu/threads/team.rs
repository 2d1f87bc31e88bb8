//! Threads that wait for work awake.
//!
//! A pass of a small model consists of pieces of a few microseconds each, while waking a thread takes tens of them. So
//! helpers look out for the next piece for a while before they sleep, and the caller for their results.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
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
    /// Counts jobs, so that a new one can be told from the last.
    number: AtomicUsize,
    /// The job, while there is one: a `&Job`.
    job: AtomicPtr<Job<'static>>,
    /// Helpers that have not done their part of it.
    busy: AtomicUsize,
    failed: AtomicBool,
    stop: AtomicBool,
}

/// One piece of work: does the part of the thread of that index.
struct Job<'a>(&'a (dyn Fn(usize) + Sync));

impl Team {
    /// A team of `threads`; `None` where that is one, or where threads cannot be had.
    pub(super) fn new(threads: usize) -> Option<Self> {
        let shared = Arc::new(Shared {
            number: AtomicUsize::new(0),
            job: AtomicPtr::default(),
            busy: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let helper = |index| {
            let shared = shared.clone();
            thread::Builder::new().name(format!("mome-cpu-{index}")).spawn(move || shared.help(index)).ok()
        };
        let helpers: Vec<_> = (1..threads).map_while(helper).collect();
        (!helpers.is_empty()).then(|| Self { shared, helpers, taken: Mutex::new(()) })
    }

    /// Threads, the caller's included.
    pub(super) fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Does `work` on each item, on a thread each; there are at most as many items as threads. Where another caller has
    /// the helpers, the caller does all alone.
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
        self.run(&|index| {
            let item = items.get(index).and_then(|item| item.lock().ok()?.take());
            if let Some(item) = item {
                work(index, item);
            }
        });
    }

    /// Does `work(i)` on thread i, for all threads, and waits for all.
    fn run(&self, work: &(dyn Fn(usize) + Sync)) {
        let shared = &*self.shared;
        let job = Job(work);
        shared.busy.store(self.helpers.len(), Ordering::Relaxed);
        shared.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        shared.number.fetch_add(1, Ordering::Release);
        self.helpers.iter().for_each(|helper| helper.thread().unpark());
        // Waits for the helpers even if the caller's own part panics, since they borrow from its stack.
        let waiting = Waiting(shared);
        work(0);
        drop(waiting);
        if shared.failed.swap(false, Ordering::Relaxed) {
            resume_unwind(Box::new("a thread of the CPU executor panicked"));
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.number.fetch_add(1, Ordering::Release);
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            // It has nothing to say, and a panic was passed on already.
            let _ = helper.join();
        }
    }
}

/// When dropped, waits until no helper is busy.
struct Waiting<'a>(&'a Shared);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut looks = 0;
        while self.0.busy.load(Ordering::Acquire) > 0 {
            looks += 1;
            if looks < LOOKS { std::hint::spin_loop() } else { thread::yield_now() }
        }
    }
}

impl Shared {
    /// What a helper does all its life.
    fn help(&self, index: usize) {
        let mut last = 0;
        loop {
            last = self.next_job(last);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let job = self.job.load(Ordering::Relaxed);
            #[expect(unsafe_code, reason = "work borrows from the caller, whom no safe thread outlives")]
            // SAFETY: the number was seen to change, so this is the job that was stored before; the caller keeps it,
            // and what it borrows, for as long as a helper is busy.
            let job = unsafe { &*job };
            if catch_unwind(AssertUnwindSafe(|| (job.0)(index))).is_err() {
                self.failed.store(true, Ordering::Relaxed);
            }
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }

    /// Waits for a job after `last`; returns its number.
    fn next_job(&self, last: usize) -> usize {
        let mut looks = 0;
        loop {
            let number = self.number.load(Ordering::Acquire);
            if number != last {
                return number;
            }
            looks += 1;
            // What is unparked before it parks goes on at once, so no job is slept over.
            if looks < LOOKS { std::hint::spin_loop() } else { thread::park() }
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
            let run = || team.for_each(0..2, |index, _| assert_ne!(index, culprit));
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
        let count = AtomicUsize::new(0);
        team.for_each(0..2, |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 2);
    }
}
