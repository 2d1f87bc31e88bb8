//! The texts of a batch on the device, one after the other.

use mome_backbone::EncoderConfig;
use wgpu::Buffer;

use super::EncoderKernels;
use crate::gpu::recorder::Recorder;
use crate::{EngineError, TokenPair};

/// What the kernels are told of a batch.
pub(super) struct Inputs {
    /// How many tokens all texts have.
    pub tokens: usize,
    /// How many texts there are.
    pub texts: usize,
    /// `[tokens]`
    pub ids: Buffer,
    /// `[tokens]`: see `shaders/encoder/add_embeddings.wgsl`.
    pub places: Buffer,
    /// `[texts]`: from which token to which each goes.
    pub ranges: Buffer,
}

impl Inputs {
    /// # Errors
    /// [`EngineError::Gpu`] where they are more than a buffer holds.
    pub fn upload(
        recorder: &mut Recorder<'_, EncoderKernels>,
        config: &EncoderConfig,
        batch: &[TokenPair<'_>],
    ) -> Result<Self, EngineError> {
        let ids: Vec<u32> = batch.iter().flat_map(|input| input.tokens).copied().collect();
        let (mut places, mut ranges) = (Vec::with_capacity(ids.len()), Vec::with_capacity(batch.len()));
        for input in batch {
            let (first, count) = (places.len() as u32, input.tokens.len());
            let end = first + count as u32;
            ranges.push([first, end]);
            places.extend((0..count).map(|position| {
                let kind = usize::from(position >= input.second).min(config.token_types - 1);
                [position as u32, kind as u32, first, end]
            }));
        }
        Ok(Self {
            tokens: ids.len(),
            texts: batch.len(),
            ids: recorder.upload("tokens", &ids)?,
            places: recorder.upload("places", &places)?,
            ranges: recorder.upload("texts", &ranges)?,
        })
    }
}
