//! Packs the weights of an encoder, and of a reranker, while their files arrive.

use std::sync::Arc;

use mome_backbone::{Encoder, Reranker, TensorPiece};

use super::CpuEncoder;
use super::model::{Model, Ranker};
use crate::EngineError;
use crate::cpu::CpuOptions;
use crate::cpu::loader::WeightLoader;
use crate::cpu::threads::Processor;
use crate::encoder::EncoderOnDevice;

/// An encoder on its way to the CPU.
pub(crate) struct CpuEncoderLoader {
    encoder: Arc<Encoder>,
    options: CpuOptions,
    weights: WeightLoader,
    reranker: Option<(Arc<Reranker>, WeightLoader)>,
}

impl CpuEncoderLoader {
    /// Begins with nothing.
    pub fn new(encoder: Arc<Encoder>, options: CpuOptions) -> Self {
        let mut weights = WeightLoader::default();
        let Ok(_) = encoder.weights().try_map(
            |source| weights.matrices.want(source.tensor, source),
            |source| weights.vectors.want(source.tensor, source),
        );
        Self { encoder, options, weights, reranker: None }
    }

    /// Begins with the reranker.
    pub fn begin_reranker(&mut self, reranker: Arc<Reranker>) {
        let mut weights = WeightLoader::default();
        let Ok(_) = reranker.weights().try_map(
            |source| weights.matrices.want(source.tensor, source),
            |source| weights.vectors.want(source.tensor, source),
        );
        self.reranker = Some((reranker, weights));
    }

    /// Takes some bytes of a tensor of the encoder, or of the reranker once that has begun. They follow those that came
    /// before.
    pub fn take(&mut self, piece: TensorPiece<'_>) {
        match &mut self.reranker {
            None => self.weights.take(self.encoder.file(), piece),
            Some((reranker, weights)) => weights.take(reranker.file(), piece),
        }
    }

    /// Makes a model of the weights, all of which have come.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a tensor has not come.
    pub fn finish(self) -> Result<EncoderOnDevice<CpuEncoder>, EngineError> {
        let Self { encoder, options, mut weights, reranker } = self;
        let file = encoder.file();
        let weights = encoder.weights().try_map(
            |source| weights.matrices.give(file, source.tensor, source),
            |source| weights.vectors.give(file, source.tensor, source),
        )?;
        let (reranker, ranker) = match reranker {
            None => (None, None),
            Some((reranker, mut weights)) => {
                let (file, config) = (reranker.file(), reranker.config());
                let weights = reranker.weights().try_map(
                    |source| weights.matrices.give(file, source.tensor, source),
                    |source| weights.vectors.give(file, source.tensor, source),
                )?;
                let ranker = Ranker { first_layer: config.first_layer, block: config.block, weights };
                (Some(reranker), Some(ranker))
            }
        };
        let processor = Processor::new(options.threads());
        let model = Model::new(encoder.config().clone(), weights, ranker, processor);
        Ok(EncoderOnDevice { encoder, reranker, runner: CpuEncoder::new(model) })
    }
}
