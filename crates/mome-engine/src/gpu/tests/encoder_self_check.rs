//! The self-check of encoders lets right kernels pass and finds wrong ones; and whole batches with the kernels that the
//! adapter at hand would not be given.

use std::sync::Arc;

use mome_backbone::{Encoder, Reranker, TensorType};

use super::self_check::changed;
use crate::encoder::EncoderExecutor;
use crate::gpu::GpuEncoderLoader;
use crate::gpu::device::Gpu;
use crate::gpu::encoder::{EncoderDevice, EncoderKernels};
use crate::gpu::kernels::{Kernel, Lanes, WeightKernelSet};
use crate::{DeviceChoice, EngineError, OpenOptions, TokenPair, open_encoder};

const DEFAULT: &str = "../mome-backbone/data/all-minilm-l6-v2-q8_0.gguf";
const RERANKER: &str = "../mome-backbone/data/reranker-q8_0.gguf";

fn read(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn tiny(name: &str) -> Vec<u8> {
    read(&format!("tests/data/{name}.gguf"))
}

/// What the check says of kernels that were tampered with.
fn checked(
    (encoder, reranker): (&[u8], Option<&[u8]>),
    tamper: impl Fn(&Gpu, &mut EncoderKernels, &WeightKernelSet),
) -> Result<(), EngineError> {
    let gpu = pollster::block_on(Gpu::open(true)).unwrap();
    let mut kernels = EncoderKernels::new(&gpu.device, Lanes::Alone.into());
    let weight_kernels = WeightKernelSet::new(&gpu.device, Lanes::Alone);
    tamper(&gpu, &mut kernels, &weight_kernels);
    let device = EncoderDevice { gpu, kernels: Arc::new(kernels), weight_kernels };
    let encoder = Encoder::from_bytes(encoder).unwrap();
    let reranker = reranker.map(|file| Reranker::from_bytes(file).unwrap());
    pollster::block_on(device.check(&encoder, reranker.as_ref()))
}

#[test]
fn right_kernels_pass() {
    for name in ["bert-f32", "bert-q8_0", "bert-q4_0"] {
        checked((&tiny(name), None), |_, _, _| {}).unwrap();
    }
    checked((&read(DEFAULT), Some(&read(RERANKER))), |_, _, _| {}).unwrap();
}

#[test]
fn wrong_kernels_are_refused() {
    type Change = (fn(&mut EncoderKernels) -> &mut Kernel, &'static [&'static str], [&'static str; 2]);
    let changes: [Change; 8] = [
        (|k| &mut k.norm, &["lanes/alone", "norm"], ["inverseSqrt(", "sqrt("]),
        (|k| &mut k.add_embeddings, &["encoder/add_embeddings"], ["types[place.y *", "types[0u * place.y *"]),
        (
            |k| &mut k.text_attention,
            &["attention/inputs", "attention/texts", "attention/alone"],
            ["places[token].zw", "vec2u(0u, places[token].w)"],
        ),
        (|k| &mut k.gelu_erf, &["encoder/gelu_erf"], ["0.70710678", "0.7978"]),
        (|k| &mut k.pool, &["encoder/pool"], ["params.mean == 1u", "params.mean == 0u"]),
        (|k| &mut k.pool, &["encoder/pool"], ["f32(end - text.x)", "f32(end)"]),
        (|k| &mut k.pool, &["encoder/pool"], ["params.first_column4 + id.x", "id.x"]),
        (|k| &mut k.unit_length, &["lanes/alone", "encoder/unit_length"], ["inverseSqrt(", "sqrt("]),
    ];
    let (encoder, reranker) = (read(DEFAULT), read(RERANKER));
    for (kernel, shaders, [from, to]) in changes {
        let files = (&*encoder, Some(&*reranker));
        let refused = checked(files, |gpu, kernels, _| *kernel(kernels) = changed(gpu, shaders, from, to));
        let message = refused.expect_err(&format!("{shaders:?} with {to} is wrong")).to_string();
        assert!(message.contains("computes wrongly"), "{shaders:?}: {message}");
    }
}

#[test]
fn weights_that_are_read_wrongly_are_refused() {
    let confuse = |_: &Gpu, _: &mut EncoderKernels, weights: &WeightKernelSet| {
        weights.confuse(TensorType::Q4_0, TensorType::IQ4_NL);
    };
    let message = checked((&tiny("bert-q4_0"), None), confuse).unwrap_err().to_string();
    assert!(message.contains("computes wrongly"), "{message}");
}

#[test]
fn kernels_for_every_adapter_give_what_the_cpu_gives() {
    let (encoder_file, reranker_file) = (read(DEFAULT), read(RERANKER));
    let tokens: Vec<u32> = (0..90).map(|at| 1000 + at * 37).collect();
    let pairs = [30, 90, 7].map(|length| TokenPair { tokens: &tokens[..length], second: length / 2 });
    let results = |executor: &dyn EncoderExecutor| {
        let texts = pairs.map(|pair| pair.tokens);
        let embeddings = pollster::block_on(executor.embed(&texts)).unwrap().concat();
        let logits = pollster::block_on(executor.rerank(&pairs)).unwrap();
        let logits = logits.iter().flat_map(|pair| [pair.same, pair.changed, pair.other]);
        embeddings.into_iter().chain(logits).collect::<Vec<f32>>()
    };
    let on_cpu = open_encoder(&encoder_file, Some(&reranker_file), DeviceChoice::Cpu);
    let expected = results(&*pollster::block_on(on_cpu).unwrap().executor);
    for software in [true, false] {
        let got = pollster::block_on(async {
            let encoder = Arc::new(Encoder::from_bytes(&encoder_file).unwrap());
            let reranker = Arc::new(Reranker::from_bytes(&reranker_file).unwrap());
            let mut gpu = Gpu::open(true).await.unwrap();
            gpu.software = software;
            let loader = GpuEncoderLoader::on(gpu, encoder.clone(), OpenOptions::default());
            let mut loader = loader.await.unwrap();
            encoder.file().pieces(0, &encoder_file).try_for_each(|piece| loader.take(piece)).unwrap();
            loader.begin_reranker(reranker.clone()).await.unwrap();
            reranker.file().pieces(0, &reranker_file).try_for_each(|piece| loader.take(piece)).unwrap();
            results(&loader.finish().await.unwrap())
        });
        assert_eq!(got.len(), expected.len());
        for (at, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert!((got - expected).abs() <= 2e-3, "software {software}, {at}: {got} for {expected}");
        }
    }
}
