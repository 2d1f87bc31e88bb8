//! All wordings of a table of facts, as the bare backbone sees them.

use mome_build::trace::{Trace, trace};
use mome_build::{Fact, MemorizeError};
use mome_engine::Executor;
use rayon::prelude::*;

/// The wordings of all facts, one after another, the facts in order.
pub(crate) struct Wordings {
    /// What the backbone does with each.
    pub(crate) traces: Vec<Trace>,
    /// The wordings of each fact, its question first.
    pub(crate) of: Vec<Vec<usize>>,
}

impl Wordings {
    /// Runs every wording, followed by its fact's answer, through the backbone. Many run side by side, since one
    /// alone is too small to keep a processor's cores busy. `done` is called after each.
    ///
    /// # Errors
    /// What [`trace`] reports.
    pub(crate) fn trace(
        executor: &dyn Executor,
        facts: &[&Fact],
        done: impl Fn() + Sync,
    ) -> Result<Self, MemorizeError> {
        let mut next = 0;
        let of = facts.iter().map(|fact| {
            let first = next;
            next += fact.wordings.len();
            (first..next).collect()
        });
        let of = of.collect();
        let (frame, tokenizer) = (executor.backbone().frame(), executor.backbone().tokenizer());
        let answers: Vec<Vec<u32>> = facts.iter().map(|fact| frame.answer(tokenizer, &fact.answer)).collect();
        let traces = facts
            .par_iter()
            .enumerate()
            .flat_map_iter(|(number, fact)| fact.wordings.iter().map(move |wording| (number, wording)))
            .map(|(number, wording)| {
                let traced = pollster::block_on(trace(executor, wording, &answers[number]));
                done();
                traced
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { traces, of })
    }

    /// How many wordings.
    pub(crate) fn len(&self) -> usize {
        self.traces.len()
    }
}
