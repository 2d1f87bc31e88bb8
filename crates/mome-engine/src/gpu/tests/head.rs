//! Prediction from logits.

use mome_backbone::TensorType;
use proptest::prelude::*;

use super::{Bench, Matrix, assert_close, check, random};
use crate::gpu::operations::{Chunk, PREDICTION_WORDS, Rows};

#[test]
fn prediction_takes_the_lowest_id_among_equals() {
    check((1..900usize, 1..9usize, any::<u64>()), |bench, (vocabulary, count, seed)| {
        // Few different values, so that the largest occurs often.
        let logits: Vec<f32> =
            random(seed).take(count * vocabulary).map(|x| (x * 20.0).round() / 4.0).collect();
        let (logit_buffer, output) = (bench.upload(&logits), bench.upload(&vec![0u32; 3 * (count + 1)]));
        let got: Vec<u32> = bench.run(&output, 3 * (count + 1), |recorder| {
            let chunk = Chunk { logits: &logit_buffer, vocabulary, first_row: 1, count };
            recorder.predict(chunk, &output);
        });

        assert_eq!(got[..3], [0; 3], "the row before the chunk stays");
        for (row, logits) in logits.chunks(vocabulary).enumerate() {
            let largest = logits.iter().copied().fold(f32::MIN, f32::max);
            let token = logits.iter().position(|logit| *logit == largest).unwrap();
            let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
            let [got_token, logit, log_sum] = got[3 * (row + 1)..][..3] else {
                panic!("a row has three words")
            };
            assert_eq!((got_token as usize, f32::from_bits(logit)), (token, largest));
            assert_close(&[f32::from_bits(log_sum)], &[sum.ln()], 1e-4);
        }
    });
}

#[test]
fn a_prediction_is_read_as_the_next_token() {
    let bench = Bench::open();
    let embedding = Matrix::random(TensorType::Q4_0, 70, 64, &mut random(5));
    let weights = bench.weights(&embedding);
    let logits: Vec<f32> = random(6).take(2 * 70).collect();
    let token = |logits: &[f32]| (0..70).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
    let next = token(&logits[70..]);

    let logit_buffer = bench.upload(&logits);
    let predictions = bench.upload(&[0u32; 2 * PREDICTION_WORDS]);
    let output = bench.upload(&[0.0f32; 64]);
    let got: Vec<f32> = bench.run(&output, 64, |recorder| {
        let chunk = Chunk { logits: &logit_buffer, vocabulary: 70, first_row: 0, count: 2 };
        recorder.predict(chunk, &predictions);
        let token = Rows { buffer: &predictions, first: PREDICTION_WORDS };
        recorder.embed(&weights, token, &output, 1, 1.0);
    });
    assert_eq!(got, embedding.values()[next * 64..][..64]);
}
