//! Tables that pairs are drawn from: facts with their wordings, the changes that can be made to them, and for each
//! fact the facts that are asked most alike.

use std::path::Path;

use mome_backbone::EncoderInput;
use mome_build::near_misses::NearMisses;
use mome_build::read_facts;
use mome_engine::EncoderExecutor;
use mome_retrieval::vectors::dot;
use rayon::prelude::*;

use super::composed::{Wordings, composed};
use super::words::text as text_input;
use super::{Class, TrainingError};

/// Nearest other facts that are kept of each fact.
const NEAREST: usize = 5;

/// Questions that are embedded in one call.
const TOGETHER: usize = 32;

/// A table of facts.
#[derive(Debug)]
pub struct Table {
    /// Its file's name, without the ending.
    pub name: String,
    /// The wordings of each fact, its question first.
    pub(super) facts: Wordings,
    pub(super) near_misses: NearMisses,
    /// Of each fact the facts whose questions are nearest to its own, the nearest first.
    pub(super) nearest: Vec<Vec<usize>>,
    /// What facts that are near to each other are.
    pub(super) near_facts: Class,
}

impl Table {
    /// Reads a table and finds out with an encoder which of its facts are asked alike.
    ///
    /// # Errors
    /// [`TrainingError::Table`] where the file is no table of facts, and what the encoder's device reports.
    pub fn read(file: &Path, encoder: &dyn EncoderExecutor) -> Result<Self, TrainingError> {
        let facts: Wordings = read_facts(file)?.into_iter().map(|fact| fact.wordings).collect();
        let name = file.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Self::of(name, facts, Class::Other, encoder)
    }

    /// Tables composed of parts, some of them the questions of `tables`: for numbers in all their forms, many
    /// properties of one thing, and two things in either role. The same ones for the same seed.
    ///
    /// # Errors
    /// What the encoder's device reports.
    pub fn compose(
        tables: &[Self],
        seed: u64,
        encoder: &dyn EncoderExecutor,
    ) -> Result<Vec<Self>, TrainingError> {
        let questions: Vec<&Wordings> = tables.iter().map(|table| &table.facts).collect();
        let composed = composed(&questions, seed).into_iter().enumerate();
        composed
            .map(|(place, facts)| Self::of(format!("composed-{place}"), facts, Class::Changed, encoder))
            .collect()
    }

    /// How many facts it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    fn of(
        name: String,
        facts: Wordings,
        near_facts: Class,
        encoder: &dyn EncoderExecutor,
    ) -> Result<Self, TrainingError> {
        let questions: Vec<&str> = facts.iter().map(|wordings| wordings[0].as_str()).collect();
        let nearest = nearest(&embed(&questions, encoder)?);
        Ok(Self { name, near_misses: NearMisses::new(&facts), facts, nearest, near_facts })
    }
}

/// The embeddings of these texts, each of length one.
fn embed(texts: &[&str], encoder: &dyn EncoderExecutor) -> Result<Vec<Vec<f32>>, TrainingError> {
    let runs: Vec<Vec<Vec<f32>>> = texts
        .par_chunks(TOGETHER)
        .map(|texts| {
            let inputs: Vec<EncoderInput> =
                texts.iter().map(|text| text_input(encoder.encoder(), text)).collect();
            let ids: Vec<&[u32]> = inputs.iter().map(|input| input.ids.as_slice()).collect();
            pollster::block_on(encoder.embed(&ids))
        })
        .collect::<Result<_, _>>()?;
    Ok(runs.concat())
}

/// Of each embedding the [`NEAREST`] others by cosine similarity.
fn nearest(embeddings: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let others = |(own, embedding): (usize, &Vec<f32>)| {
        let mut others: Vec<(f32, usize)> =
            embeddings.iter().map(|other| dot(embedding, other)).zip(0..).collect();
        others.swap_remove(own);
        others.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        others.into_iter().take(NEAREST).map(|(_, other)| other).collect()
    };
    embeddings.par_iter().enumerate().map(|(own, embedding)| others((own, embedding))).collect()
}
