//! All wordings of a table of facts, as the bare backbone sees them.

use mome::MomeError;
use mome::memorise::{Trace, trace};
use mome::selection::{Reading, Selection};
use mome_engine::Executor;
use rayon::prelude::*;

use crate::Fact;

/// The wordings of all facts, one after another, the facts in order.
pub struct Wordings {
    /// What the backbone does with each.
    pub traces: Vec<Trace>,
    /// The fact of each.
    pub fact: Vec<usize>,
    /// The wordings of each fact, its question first.
    pub of: Vec<Vec<usize>>,
}

impl Wordings {
    /// Runs every wording, followed by its fact's answer, through the backbone. Many run side by side, since one
    /// alone is too small to keep a processor's cores busy. `done` is called after each.
    ///
    /// # Errors
    /// What [`trace`] reports.
    pub fn trace(
        executor: &dyn Executor,
        layers: &[usize],
        facts: &[&Fact],
        done: impl Fn() + Sync,
    ) -> Result<Self, MomeError> {
        let mut fact = Vec::new();
        let mut of = Vec::with_capacity(facts.len());
        for (number, each) in facts.iter().enumerate() {
            of.push((fact.len()..fact.len() + each.wordings.len()).collect());
            fact.resize(fact.len() + each.wordings.len(), number);
        }
        let (frame, tokenizer) = (executor.backbone().frame(), executor.backbone().tokenizer());
        let answers: Vec<Vec<u32>> = facts.iter().map(|fact| frame.answer(tokenizer, &fact.answer)).collect();
        let traces = facts
            .par_iter()
            .enumerate()
            .flat_map_iter(|(number, fact)| fact.wordings.iter().map(move |wording| (number, wording)))
            .map(|(number, wording)| {
                let traced = pollster::block_on(trace(executor, layers, wording, &answers[number]));
                done();
                traced
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { traces, fact, of })
    }

    /// How many wordings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.traces.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// In how many of these wordings each token occurs, sorted by token.
    #[must_use]
    pub fn document_counts(&self, wordings: impl Iterator<Item = usize>) -> Vec<(u32, u32)> {
        let mut counts = std::collections::BTreeMap::new();
        for wording in wordings {
            let mut tokens = self.traces[wording].question.clone();
            tokens.sort_unstable();
            tokens.dedup();
            tokens.into_iter().for_each(|token| *counts.entry(token).or_insert(0) += 1);
        }
        counts.into_iter().collect()
    }

    /// The states of a wording's tokens in floats, `[tokens, D]`.
    #[must_use]
    pub fn states(&self, wording: usize) -> Vec<f32> {
        self.traces[wording].states.iter().map(|state| state.to_f32()).collect()
    }

    /// What each wording reads like.
    #[must_use]
    pub fn read(&self, selection: &Selection) -> Vec<Reading> {
        (0..self.len())
            .into_par_iter()
            .map(|wording| selection.read(&self.states(wording), &self.traces[wording].question))
            .collect()
    }
}
