//! What the device or the kernels cannot do.

use mome_backbone::TensorType;
use wgpu::Buffer;

use super::{Bench, Matrix, random};
use crate::gpu::pool::Pool;
use crate::gpu::recorder::Recorder;
use crate::gpu::weights::Weights;

#[test]
fn an_error_of_the_device_is_reported_and_stays() {
    let bench = Bench::open();
    let small = bench.upload(&[0u32; 4]);
    let copy = |target: &Buffer| {
        let mut pool = Pool::default();
        let mut recorder = Recorder::new(&bench.gpu, &bench.kernels, &mut pool);
        recorder.copy(&small, 0, target, 2, 2);
        pollster::block_on(recorder.submit()).map(drop)
    };
    let other = bench.upload(&[0u32; 4]);
    copy(&other).unwrap();
    copy(&small).expect_err("a copy within one buffer is not valid");
    copy(&other).expect_err("the device failed before");
}

#[test]
fn what_kernels_could_not_read_is_refused() {
    let bench = Bench::open();
    let message = bench.gpu.storage("a giant", 1 << 16, 1 << 16).unwrap_err().to_string();
    assert_eq!(message, "the GPU failed: a giant takes 17179869184 bytes, a buffer may have 134217728");

    let odd = Matrix::random(TensorType::F32, 2, 6, &mut random(1));
    let refused = Weights::upload(&bench.gpu, &bench.weight_kernels, odd.described(), &odd.bytes);
    let message = refused.err().unwrap().to_string();
    assert_eq!(message, "tensor test: its rows have 6 columns, which 4 does not divide");
}
