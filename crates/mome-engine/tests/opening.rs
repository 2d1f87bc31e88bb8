//! Opening a backbone while its file arrives: however it is cut into pieces, the same comes out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, LazyLock};

use common::{Golden, cpu, run_once};
use mome_engine::{DeviceChoice, Executor, Head, Opening};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

static MODEL: LazyLock<Golden> = LazyLock::new(|| Golden::load("gpt2-q4_0"));

/// Pushes the model's file cut at these places.
fn opened(cuts: &[usize], device: DeviceChoice) -> Arc<dyn Executor> {
    let file = &MODEL.file;
    let mut opening = Opening::new(file.len() as u64, device.into());
    pollster::block_on(async {
        let mut start = 0;
        for end in cuts.iter().copied().chain([file.len()]) {
            opening.push(&file[start..end]).await.unwrap();
            start = end;
        }
        opening.finish().await.unwrap().executor
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pieces_may_have_any_length(
        mut cuts in proptest::collection::vec(0usize..=MODEL.file.len(), 0..40),
        mut early in proptest::collection::vec(0usize..9000, 0..40),
    ) {
        static WHOLE: LazyLock<Vec<f32>> = LazyLock::new(|| {
            let head = Head { rows: 5, logits: true, ..Head::default() };
            run_once(&*cpu(&MODEL.file), &MODEL.ids[..5], head).logits
        });
        cuts.append(&mut early);
        cuts.sort_unstable();
        let executor = opened(&cuts, DeviceChoice::Cpu);
        let digest: [u8; 32] = Sha256::digest(&MODEL.file).into();
        prop_assert_eq!(executor.backbone().digest(), Some(digest));
        let head = Head { rows: 5, logits: true, ..Head::default() };
        prop_assert_eq!(&run_once(&*executor, &MODEL.ids[..5], head).logits, &*WHOLE);
    }
}

#[test]
fn one_byte_at_a_time() {
    let cuts: Vec<usize> = (0..20_000).collect();
    let executor = opened(&cuts, DeviceChoice::Cpu);
    MODEL.check(&*executor);
}

#[test]
fn rows_that_come_in_part_reach_the_gpu() {
    // Pieces of less than a panel of rows, of several, and of all that is left.
    for step in [997, 100_003, MODEL.file.len()] {
        let cuts: Vec<usize> = (0..MODEL.file.len()).step_by(step).collect();
        MODEL.check(&*opened(&cuts, DeviceChoice::Gpu));
    }
}
