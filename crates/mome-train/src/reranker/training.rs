//! Training a reranker's layers and head: cross-entropy over the three classes, AdamW, a learning rate that rises at
//! first and then falls along half a cosine.

use std::time::{Duration, Instant};

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use mome_backbone::{Encoder, EncoderBlockShape, EncoderInput};
use mome_build::Contrast;
use rayon::prelude::*;

use super::batches::{Batches, Example};
use super::contrasts::trained;
use super::lower_layers::{Batch, LowerLayers};
use super::network::{Network, rank, run_block, tensor};
use super::numbers::{CLASSES, RerankerNumbers, encoder_numbers};
use super::parameters::{ParameterGradients, Parameters};
use super::{Evaluation, Pair, Pairs, Table, TrainingError};
use crate::device::training_device;

/// Parts of a batch that run side by side. Always as many, so that sums have the same order on every machine.
const PARTS: usize = 2;

/// Pairs that are judged together in an evaluation.
const JUDGED_TOGETHER: usize = 64;

/// How a reranker is trained.
#[derive(Clone, Copy, Debug)]
pub struct TrainingOptions {
    /// Gradient steps.
    pub steps: usize,
    /// Pairs in a batch.
    pub batch: usize,
    /// The learning rate at its highest.
    pub rate: f64,
    /// Steps in which it rises from nothing.
    pub warm_up: usize,
    /// Steps between evaluations; there is one before the first and one after the last in any case.
    pub evaluate_every: usize,
    /// What is drawn follows from it.
    pub seed: u64,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        Self { steps: 4000, batch: 48, rate: 3e-5, warm_up: 100, evaluate_every: 200, seed: 1 }
    }
}

/// What happens in a training.
#[derive(Debug)]
pub enum TrainingEvent<'a> {
    /// A step was taken.
    Step {
        /// Its number, from 1.
        step: usize,
        /// The mean cross-entropy of its batch before it, in nats.
        loss: f64,
        /// The gradient's length before it was clipped.
        gradient: f64,
        /// How long it took.
        took: Duration,
    },
    /// The pairs kept aside were judged.
    Evaluation {
        /// After so many steps.
        step: usize,
        /// What came of it.
        evaluation: &'a Evaluation,
        /// The weights.
        numbers: &'a RerankerNumbers,
    },
}

/// Trains a reranker on top of an encoder, whose file is at hand, from these weights on. Pairs are drawn from
/// `tables` and `contrasts`; `aside` are pairs to judge what was learnt by.
///
/// # Errors
/// [`TrainingError::NoTables`] where there is nothing to draw, and [`TrainingError`] where the encoder's file is
/// damaged.
pub fn train_reranker(
    (encoder, file): (&Encoder, &[u8]),
    start: &RerankerNumbers,
    (tables, contrasts): (&[Table], &[Contrast]),
    aside: &[Pair],
    options: &TrainingOptions,
    mut observe: impl FnMut(TrainingEvent<'_>),
) -> Result<RerankerNumbers, TrainingError> {
    let mut trainer = Trainer::new(encoder, file, start, options.rate, training_device())?;
    let contrasts: Vec<Contrast> = contrasts.iter().map(trained).collect();
    let pairs = Pairs::new(tables, &contrasts, super::Rules::Trained, options.seed)?;
    let mut batches = Batches::new(pairs, encoder, options.batch, options.seed);
    let aside_inputs: Vec<EncoderInput> = aside.iter().map(|pair| pair.input(encoder)).collect();
    for step in 0..=options.steps {
        if step % options.evaluate_every.max(1) == 0 || step == options.steps {
            let evaluation = Evaluation::of(aside, &trainer.judge(&aside_inputs));
            let numbers = trainer.numbers();
            observe(TrainingEvent::Evaluation { step, evaluation: &evaluation, numbers: &numbers });
        }
        if step < options.steps {
            let begin = Instant::now();
            let batch = batches.next()?;
            let Stepped { loss, gradient } = trainer.step(&batch, share(step, options));
            observe(TrainingEvent::Step { step: step + 1, loss, gradient, took: begin.elapsed() });
        }
    }
    Ok(trainer.numbers())
}

/// The share of the highest learning rate that a step takes.
fn share(step: usize, options: &TrainingOptions) -> f64 {
    let TrainingOptions { steps, warm_up, .. } = *options;
    if step < warm_up {
        return (step + 1) as f64 / warm_up as f64;
    }
    let done = (step - warm_up) as f64 / steps.saturating_sub(warm_up).max(1) as f64;
    0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}

/// A reranker in training.
pub(super) struct Trainer {
    block: EncoderBlockShape,
    first_layer: usize,
    lower: LowerLayers,
    parameters: Parameters,
    /// That differentiates.
    device: Device,
}

/// What a step came by.
pub(super) struct Stepped {
    /// The mean cross-entropy of the batch before the step.
    pub loss: f64,
    /// The gradient's length.
    pub gradient: f64,
}

impl Trainer {
    pub fn new(
        encoder: &Encoder,
        file: &[u8],
        start: &RerankerNumbers,
        rate: f64,
        device: Device,
    ) -> Result<Self, TrainingError> {
        let numbers = encoder_numbers(encoder, file)?;
        let lower = LowerLayers::new(encoder.config().block, numbers, start.first_layer, &device);
        let device = device.autodiff();
        let parameters = Parameters::new(start, rate, &device);
        Ok(Self { block: start.block, first_layer: start.first_layer, lower, parameters, device })
    }

    /// The weights as they are now.
    pub fn numbers(&self) -> RerankerNumbers {
        let weights = self.parameters.numbers();
        RerankerNumbers { block: self.block, first_layer: self.first_layer, weights }
    }

    /// The logits of these pairs: same, changed, other.
    pub fn judge(&self, pairs: &[EncoderInput]) -> Vec<[f32; 3]> {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by_key(|&pair| pairs[pair].ids.len());
        let network = self.parameters.fixed_network();
        let judged: Vec<(usize, [f32; 3])> = order
            .par_chunks(JUDGED_TOGETHER)
            .flat_map_iter(|order| {
                let inputs: Vec<&EncoderInput> = order.iter().map(|&pair| &pairs[pair]).collect();
                let logits = logits(&network, &self.block, self.lower.read(&inputs));
                let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
                order.iter().copied().zip(logits.as_chunks().0.to_vec()).collect::<Vec<_>>()
            })
            .collect();
        let mut all = vec![[0.0; 3]; pairs.len()];
        judged.into_iter().for_each(|(pair, logits)| all[pair] = logits);
        all
    }

    /// Takes a step; `share` of the learning rate is taken.
    pub fn step(&mut self, batch: &[Example], share: f64) -> Stepped {
        let parts: Vec<(f64, ParameterGradients)> = batch
            .par_chunks(batch.len().div_ceil(PARTS))
            .map(|part| self.differentiate(part, batch.len()))
            .collect();
        let sum = |(loss, gradients): (f64, ParameterGradients), (other, others)| {
            (loss + other, gradients.plus(others))
        };
        match parts.into_iter().reduce(sum) {
            Some((loss, gradients)) => Stepped { loss, gradient: self.parameters.descend(gradients, share) },
            None => Stepped { loss: 0.0, gradient: 0.0 },
        }
    }

    /// The cross-entropy of a part of a batch of `of` pairs, divided by `of`, and its gradient.
    fn differentiate(&self, part: &[Example], of: usize) -> (f64, ParameterGradients) {
        let inputs: Vec<&EncoderInput> = part.iter().map(|example| &example.input).collect();
        let batch = self.lower.read(&inputs).differentiable();
        let mut wanted = vec![0.0; part.len() * CLASSES];
        for (row, example) in wanted.chunks_exact_mut(CLASSES).zip(part) {
            row[example.class as usize] = -1.0 / of as f32;
        }
        let wanted = tensor(wanted, [part.len(), CLASSES], &self.device);
        let leaves = self.parameters.leaves();
        let loss = (log_softmax(logits(&leaves.network(), &self.block, batch), 1) * wanted).sum();
        let gradients = leaves.gradients(&loss.backward());
        (f64::from(loss.into_scalar::<f32>()), gradients)
    }
}

/// The logits `[pairs, 3]` of a batch.
fn logits(network: &Network, shape: &EncoderBlockShape, batch: Batch) -> Tensor<2> {
    let Batch { states, padding } = batch;
    let states =
        network.blocks.iter().fold(states, |states, block| run_block(block, shape, &padding, states));
    rank(network, &padding, states)
}

#[cfg(test)]
mod tests {
    use mome_engine::{DeviceChoice, TokenPair, open_encoder};
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::super::Class;
    use super::*;

    const DEFAULT: &str = "../mome-backbone/data/all-minilm-l6-v2-q8_0.gguf";
    const RERANKER: &str = "../mome-backbone/data/reranker-q8_0.gguf";
    /// Random weights: three layers, 128 tokens.
    const TINY: &str = "../mome-engine/tests/data/bert-f32.gguf";

    fn random_pair(random: &mut ChaCha8Rng, longest: usize, vocabulary: u32) -> EncoderInput {
        let lengths = [random.random_range(1..longest), random.random_range(1..longest)];
        let texts = lengths
            .map(|length| (0..length).map(|_| random.random_range(0..vocabulary)).collect::<Vec<u32>>());
        let [first, second] = &texts;
        let ids = [&[1], first.as_slice(), &[2], second.as_slice(), &[2]].concat();
        let start = first.len() + 2;
        EncoderInput { texts: [1..start - 1, start..ids.len() - 1], types_from: start, cut: 0, ids }
    }

    /// Pairs of random tokens with classes in turn, to be learnt by heart.
    pub(super) fn examples(count: usize, seed: u64) -> Vec<Example> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let classes = [Class::Same, Class::Changed, Class::Other];
        let example =
            |place: usize| Example { input: random_pair(&mut random, 12, 128), class: classes[place % 3] };
        (0..count).map(example).collect()
    }

    /// A tiny reranker with a random head.
    pub(super) fn tiny(rate: f64, device: Device) -> Trainer {
        let file = std::fs::read(TINY).unwrap();
        let encoder = Encoder::from_bytes(&file).unwrap();
        let start = RerankerNumbers::of_encoder(&encoder, &file, 1, 7).unwrap();
        Trainer::new(&encoder, &file, &start, rate, device).unwrap()
    }

    /// Takes steps over the same few batches; gives all losses.
    pub(super) fn losses(trainer: &mut Trainer, steps: usize) -> Vec<f64> {
        (0..steps).map(|step| trainer.step(&examples(24, step as u64 % 2), 1.0).loss).collect()
    }

    #[test]
    fn training_lowers_the_loss_and_is_the_same_twice() {
        let [once, again] = [(); 2].map(|()| {
            let mut trainer = tiny(1e-3, Device::flex());
            (losses(&mut trainer, 30), trainer.numbers())
        });
        assert!(once.0[28] < 0.5 * once.0[0], "{:?}", once.0);
        assert_eq!(once, again);
    }

    /// The engine rounds activations to 16 bits; here all is f32.
    #[test]
    fn the_network_says_what_the_engine_says() {
        let (file, reranker) = (std::fs::read(DEFAULT).unwrap(), std::fs::read(RERANKER).unwrap());
        let opened = pollster::block_on(open_encoder(&file, Some(&reranker), DeviceChoice::Cpu)).unwrap();
        let encoder = opened.executor.encoder();
        let start = RerankerNumbers::read(&reranker, encoder).unwrap();
        let trainer = Trainer::new(encoder, &file, &start, 0.0, Device::flex()).unwrap();
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(12));
        let seeds = (any::<u64>(), 1usize..6);
        let result = runner.run(&seeds, |(seed, count)| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let pairs: Vec<EncoderInput> = (0..count).map(|_| random_pair(&mut random, 24, 30_000)).collect();
            let tokens: Vec<TokenPair<'_>> =
                pairs.iter().map(|pair| TokenPair { tokens: &pair.ids, second: pair.types_from }).collect();
            let engine = pollster::block_on(opened.executor.rerank(&tokens)).unwrap();
            for (found, expected) in trainer.judge(&pairs).iter().zip(engine) {
                for (found, expected) in found.iter().zip([expected.same, expected.changed, expected.other]) {
                    prop_assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
                }
            }
            Ok(())
        });
        result.unwrap();
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let options = TrainingOptions { steps: 100, warm_up: 10, ..TrainingOptions::default() };
        let shares: Vec<f64> = (0..=100).map(|step| share(step, &options)).collect();
        assert!((shares[0] - 0.1).abs() < 1e-9 && (shares[10] - 1.0).abs() < 1e-9);
        assert!(shares[10..].is_sorted_by(|one, other| one >= other) && shares[100] < 1e-9);
    }
}

#[cfg(all(test, feature = "wgpu"))]
mod parity {
    use super::tests::{losses, tiny};
    use super::*;

    /// A few steps through burn-wgpu equal those on the CPU, but for the order of sums.
    #[test]
    fn gpu_and_cpu_train_alike() {
        let [cpu, gpu] = [Device::flex(), training_device()].map(|device| losses(&mut tiny(1e-3, device), 6));
        for (cpu, gpu) in cpu.iter().zip(&gpu) {
            assert!((cpu - gpu).abs() < 2e-3, "{cpu} {gpu}");
        }
    }
}
