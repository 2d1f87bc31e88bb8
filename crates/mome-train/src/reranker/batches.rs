//! Batches of pairs of like length, so that little is padded.

use mome_backbone::{Encoder, EncoderInput};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::{Class, Pairs, TrainingError};

/// Batches that are drawn and sorted together.
const TOGETHER: usize = 24;

/// A pair as the network reads it, and what it should say.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub input: EncoderInput,
    pub class: Class,
}

/// Cuts pairs into batches without end.
pub(super) struct Batches<'a> {
    pairs: Pairs<'a>,
    encoder: &'a Encoder,
    /// Pairs in a batch.
    size: usize,
    random: ChaCha8Rng,
    ready: Vec<Vec<Example>>,
}

impl<'a> Batches<'a> {
    pub fn new(pairs: Pairs<'a>, encoder: &'a Encoder, size: usize, seed: u64) -> Self {
        Self { pairs, encoder, size, random: ChaCha8Rng::seed_from_u64(seed), ready: Vec::new() }
    }

    /// The next batch.
    ///
    /// # Errors
    /// [`TrainingError::NoTables`] where there is nothing to draw.
    pub fn next(&mut self) -> Result<Vec<Example>, TrainingError> {
        if self.ready.is_empty() {
            let pairs = self.pairs.by_ref().take(TOGETHER * self.size);
            let mut examples: Vec<Example> =
                pairs.map(|pair| Example { input: pair.input(self.encoder), class: pair.class }).collect();
            examples.sort_by_key(|example| example.input.ids.len());
            self.ready = examples.chunks(self.size).map(<[_]>::to_vec).collect();
            self.ready.shuffle(&mut self.random);
        }
        self.ready.pop().ok_or(TrainingError::NoTables)
    }
}
