//! Single kernels against plain loops on the CPU, over odd shapes. Whole passes are tested in `tests/` of the crate.

mod attention;
mod encoder;
mod encoder_self_check;
mod errors;
mod head;
mod matmul;
mod norm_and_rope;
mod passes;
mod self_check;
mod shaders;

use half::f16;
use mome_backbone::TensorType;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use wgpu::Buffer;

use super::device::Gpu;
use super::encoder::EncoderKernels;
use super::kernels::{Features, Kernels, Lanes, Variant, WeightKernelSet};
use super::pool::Pool;
use super::recorder::Recorder;
use super::weights::{Destination, FileMatrix, Weights};
use crate::self_check::scale_places;

/// A device, with the kernels under test.
struct Bench {
    gpu: Gpu,
    kernels: Kernels,
    encoder_kernels: EncoderKernels,
    weight_kernels: WeightKernelSet,
}

impl Bench {
    fn open() -> Self {
        Self::with(Lanes::Alone.into())
    }

    /// With one variant of the kernels; without those optional features that the adapter lacks.
    fn with(Variant { lanes, features }: Variant) -> Self {
        let gpu = pollster::block_on(Gpu::open(true))
            .expect("these tests need a Vulkan, Metal or DX12 driver; an emulated one will do");
        let there = gpu.features();
        for (name, wanted, there) in
            [("shader-f16", features.f16, there.f16), ("subgroups", features.subgroups, there.subgroups)]
        {
            if wanted && !there {
                eprintln!("NOT TESTED: {} has no {name}", gpu.name);
            }
        }
        let f16 = features.f16 && there.f16;
        let subgroups = features.subgroups && there.subgroups;
        let variant = Variant { lanes, features: Features { f16, subgroups } };
        let kernels = Kernels::new(&gpu.device, variant);
        let encoder_kernels = EncoderKernels::new(&gpu.device, variant);
        let weight_kernels = WeightKernelSet::new(&gpu.device, variant);
        Self { gpu, kernels, encoder_kernels, weight_kernels }
    }

    fn upload<T: bytemuck::Pod>(&self, values: &[T]) -> Buffer {
        self.gpu.upload("test input", values).unwrap()
    }

    fn weights(&self, matrix: &Matrix) -> Weights {
        self.stack(&[matrix])
    }

    /// Matrices, one below the other.
    fn stack(&self, matrices: &[&Matrix]) -> Weights {
        let described: Vec<FileMatrix<'_>> = matrices.iter().map(|matrix| matrix.described()).collect();
        let (weights, places) = Weights::stack(&self.gpu, &self.weight_kernels, &described).unwrap();
        self.write(matrices, &places);
        weights
    }

    fn pair(&self, matrices: [&Matrix; 2]) -> Weights {
        let (weights, places) =
            Weights::pair(&self.gpu, &self.weight_kernels, matrices[0].described()).unwrap();
        self.write(&matrices, &places);
        weights
    }

    fn write(&self, matrices: &[&Matrix], places: &[Destination]) {
        for (matrix, place) in matrices.iter().zip(places) {
            place.write(&self.gpu, 0, &matrix.bytes).unwrap();
        }
    }

    /// Records operations and brings back the first `count` values of `output`.
    fn run<T: bytemuck::Pod>(
        &self,
        output: &Buffer,
        count: usize,
        record: impl FnOnce(&mut Recorder<'_>),
    ) -> Vec<T> {
        self.run_with(&self.kernels, output, count, record)
    }

    /// Like [`Self::run`], with an encoder's operations.
    fn run_encoder<T: bytemuck::Pod>(
        &self,
        output: &Buffer,
        count: usize,
        record: impl FnOnce(&mut Recorder<'_, EncoderKernels>),
    ) -> Vec<T> {
        self.run_with(&self.encoder_kernels, output, count, record)
    }

    fn run_with<K, T: bytemuck::Pod>(
        &self,
        kernels: &K,
        output: &Buffer,
        count: usize,
        record: impl FnOnce(&mut Recorder<'_, K>),
    ) -> Vec<T> {
        let mut pool = Pool::default();
        let mut recorder = Recorder::new(&self.gpu, kernels, &mut pool);
        record(&mut recorder);
        let segment = recorder.read(output, count);
        pollster::block_on(recorder.submit()).unwrap().values(&segment)
    }
}

/// A matrix as a GGUF file holds it, and what it means.
#[derive(Clone, Debug)]
struct Matrix {
    kind: TensorType,
    rows: usize,
    columns: usize,
    bytes: Vec<u8>,
}

impl Matrix {
    /// Random numbers of moderate size: random scales and every quant there is.
    fn random(kind: TensorType, rows: usize, columns: usize, random: &mut impl Iterator<Item = f32>) -> Self {
        let mut next = || random.next().unwrap_or_default();
        let blocks = rows * columns / kind.block_len();
        let mut bytes = Vec::new();
        for _ in 0..blocks {
            if kind == TensorType::F32 {
                bytes.extend(next().to_le_bytes());
                continue;
            }
            let start = bytes.len();
            bytes.extend((0..kind.block_bytes()).map(|_| (next() * 128.0).floor() as i8 as u8));
            for at in scale_places(kind) {
                let half = f16::from_f32(next() / 64.0);
                let half =
                    if kind == TensorType::BF16 { (next().to_bits() >> 16) as u16 } else { half.to_bits() };
                bytes[start + at..][..2].copy_from_slice(&half.to_le_bytes());
            }
        }
        Self::new(kind, rows, columns, bytes)
    }

    fn new(kind: TensorType, rows: usize, columns: usize, bytes: Vec<u8>) -> Self {
        Self { kind, rows, columns, bytes }
    }

    fn described(&self) -> FileMatrix<'static> {
        FileMatrix { name: "test", kind: self.kind, rows: self.rows, columns: self.columns }
    }

    fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.columns];
        self.kind.dequantize(&self.bytes, &mut values);
        values
    }
}

/// Numbers in [-1, 1), the same for the same seed (a linear congruential generator).
fn random(seed: u64) -> impl Iterator<Item = f32> {
    std::iter::successors(Some(seed), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .skip(3)
    .map(|state| (state >> 40) as f32 / (1 << 23) as f32 - 1.0)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn assert_close(got: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(*got) - expected).abs();
        assert!(error <= tolerance * expected.abs().max(1.0), "value {index} is {got}, should be {expected}");
    }
}

/// Runs `test` on a few cases of `strategy`, with every variant of the kernels.
fn check<S: Strategy>(strategy: S, test: impl Fn(&mut Bench, S::Value)) {
    let features = Features { f16: true, subgroups: true };
    let with_features = Variant { lanes: Lanes::Together, features };
    for variant in [Lanes::Alone.into(), Lanes::Together.into(), with_features] {
        let bench = std::cell::RefCell::new(Bench::with(variant));
        let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = TestRunner::new(config);
        let result = runner.run(&strategy, |case| {
            test(&mut bench.borrow_mut(), case);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{variant:?}: {error}");
        }
    }
}
