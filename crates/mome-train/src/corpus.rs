//! The wordings of a table of facts as the backbone reads them, and such as are made from them.

use std::ops::Range;

use half::f16;
use mome::MomeError;
use mome::selection::{Reading, Selection, join_states};
use mome_engine::{Executor, Pass};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Fact;
use crate::variants::{opposed, retyped};

/// Retyped wordings made of each wording, and of one that is its fact's only one.
const RETYPED: usize = 1;
const RETYPED_ALONE: usize = 3;

/// A wording's tokens and their states.
#[derive(Clone, Debug)]
pub(crate) struct ReadWording {
    /// The question's own tokens.
    pub(crate) tokens: Vec<u32>,
    /// `[tokens, D]`, as [`join_states`] makes them.
    pub(crate) states: Vec<f16>,
}

/// The wordings of a table of facts, one after another, the facts in order.
#[derive(Clone, Debug)]
pub struct Corpus {
    pub(crate) wordings: Vec<ReadWording>,
    /// The fact of each wording.
    pub(crate) fact: Vec<usize>,
    /// The wordings of each fact, its question first.
    pub(crate) of: Vec<Vec<usize>>,
    /// Wordings made from those above.
    pub(crate) made: Vec<ReadWording>,
    /// For each wording, those made from it that ask the same.
    pub(crate) retyped: Vec<Range<usize>>,
    /// For each wording, those made from it that ask something else.
    pub(crate) opposed: Vec<Range<usize>>,
}

impl ReadWording {
    fn read(executor: &dyn Executor, layers: &[usize], wording: &str) -> Result<Self, MomeError> {
        let backbone = executor.backbone();
        let prompt = backbone.frame().prompt(backbone.tokenizer(), wording);
        let pass = Pass { tokens: &prompt.tokens, states: layers, head: None };
        let read = pollster::block_on(executor.begin(prompt.tokens.len())?.run(pass))?;
        let states = join_states(&read.states, backbone.config().hidden, prompt.question.clone());
        Ok(Self {
            tokens: prompt.tokens[prompt.question].to_vec(),
            states: states.into_iter().map(f16::from_f32).collect(),
        })
    }

    /// What a selector makes of it.
    pub(crate) fn reading(&self, selection: &Selection) -> Reading {
        let states: Vec<f32> = self.states.iter().map(|state| state.to_f32()).collect();
        selection.read(&states, &self.tokens)
    }
}

impl Corpus {
    /// Reads all wordings, and as many made from them where `vary` says so. Many run side by side, since one alone is
    /// too small to keep a processor's cores busy. `done` is called after each wording of the table.
    ///
    /// # Errors
    /// What the device reports.
    pub fn read(
        executor: &dyn Executor,
        layers: &[usize],
        facts: &[&Fact],
        vary: Option<u64>,
        done: impl Fn() + Sync,
    ) -> Result<Self, MomeError> {
        let (mut texts, mut fact, mut of) = (Vec::new(), Vec::new(), Vec::with_capacity(facts.len()));
        for (number, each) in facts.iter().enumerate() {
            of.push((fact.len()..fact.len() + each.wordings.len()).collect::<Vec<_>>());
            fact.resize(fact.len() + each.wordings.len(), number);
            texts.extend(each.wordings.iter().map(String::as_str));
        }
        let read = |text: &str| ReadWording::read(executor, layers, text);
        let wordings = texts
            .par_iter()
            .map(|text| {
                let read = read(text);
                done();
                read
            })
            .collect::<Result<Vec<_>, _>>()?;
        let nothing = vec![0..0; texts.len()];
        let corpus =
            Self { wordings, fact, of, made: Vec::new(), retyped: nothing.clone(), opposed: nothing };
        let Some(seed) = vary else { return Ok(corpus) };
        let (made, retyped, opposed) = corpus.vary(&texts, seed);
        let made = made.par_iter().map(|text| read(text)).collect::<Result<_, _>>()?;
        Ok(Self { made, retyped, opposed, ..corpus })
    }

    /// Wordings made from `texts`, and which of them were made from each.
    fn vary(&self, texts: &[&str], seed: u64) -> (Vec<String>, Vec<Range<usize>>, Vec<Range<usize>>) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut made, mut same, mut other) = (Vec::new(), Vec::new(), Vec::new());
        for (text, &fact) in texts.iter().zip(&self.fact) {
            let start = made.len();
            let count = if self.of[fact].len() == 1 { RETYPED_ALONE } else { RETYPED };
            made.extend((0..count).map(|_| retyped(&mut random, text)));
            same.push(start..made.len());
            let start = made.len();
            let made_one = opposed(&mut random, text, texts);
            made.extend(made_one.filter(|made| !self.of[fact].iter().any(|&own| texts[own] == made)));
            other.push(start..made.len());
        }
        (made, same, other)
    }

    /// What each wording reads like.
    pub(crate) fn readings(&self, selection: &Selection) -> Vec<Reading> {
        self.wordings.par_iter().map(|wording| wording.reading(selection)).collect()
    }
}
