//! The products of all weight matrices with one vector, by themselves: what a decoded token costs at least.

use wgpu::Buffer;

use super::Shared;
use super::kernels::Kernels;
use super::matrices::FeedForward;
use super::model::Model;
use super::operations::{Linear, Rows, Write};
use super::pool::Pool;
use super::recorder::Recorder;
use super::weights::Weights;
use crate::EngineError;

/// Multiplies every matrix that a token goes through, `rounds` times over, in one submission.
///
/// # Errors
/// [`EngineError::Gpu`] where the device fails.
pub(super) async fn run(shared: &Shared, rounds: usize) -> Result<(), EngineError> {
    let Shared { config, gpu, kernels, model } = shared;
    let attended = config.heads * config.head_width;
    let widest = config.hidden.max(attended).max(config.feed_forward);
    let qkv = attended + 2 * config.kv_heads * config.head_width;
    let mut pool = Pool::default();
    let mut recorder = Recorder::<Kernels>::new(gpu, kernels, &mut pool);
    let input = recorder.storage("a vector", 1, widest)?;
    let output = recorder.storage("its products", 1, widest.max(qkv).max(config.vocabulary))?;
    for _ in 0..rounds {
        record(&mut recorder, model, &input, &output);
    }
    // Bringing something back is how the end is noticed.
    recorder.read(&output, 1);
    recorder.submit().await.map(drop)
}

fn record(recorder: &mut Recorder<'_>, model: &Model, input: &Buffer, output: &Buffer) {
    let multiply = |recorder: &mut Recorder<'_>, weights: &Weights| {
        let linear = Linear { weights, bias: None };
        recorder.matmul(linear, Rows::all(input), Rows::all(output), 1, Write::Replace);
    };
    for block in &model.blocks {
        let matrices = &block.matrices;
        multiply(recorder, &matrices.qkv);
        multiply(recorder, &matrices.attention_output);
        match &matrices.feed_forward {
            FeedForward::Pair(pair) => recorder.swiglu_matmul(pair, input, output, 1),
            FeedForward::Gated { gate, up } => {
                multiply(recorder, gate);
                multiply(recorder, up);
            }
            FeedForward::Plain(up) => multiply(recorder, up),
        }
        multiply(recorder, &matrices.down);
    }
    multiply(recorder, model.output());
}
