//! Operations of encoders on batches of texts.

use proptest::prelude::*;

use super::{assert_close, check, dot, random};
use crate::gpu::operations::{Columns, Heads, Pool};

/// Lengths of the texts of a batch.
fn lengths(most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..most, 1..5)
}

/// What is uploaded of texts of these lengths: places of tokens, which have some type, and ranges of texts.
fn described(lengths: &[usize], types: usize) -> (Vec<[u32; 4]>, Vec<[u32; 2]>) {
    let (mut places, mut ranges) = (Vec::new(), Vec::new());
    for length in lengths {
        let first = places.len() as u32;
        let end = first + *length as u32;
        ranges.push([first, end]);
        places.extend((0..*length).map(|at| [at as u32, (at * 7 % types) as u32, first, end]));
    }
    (places, ranges)
}

#[test]
fn embeddings_are_added() {
    check((lengths(9), 1..80usize, 1..4usize, any::<u64>()), |bench, (lengths, quads, types, seed)| {
        let (columns, count) = (4 * quads, lengths.iter().sum::<usize>());
        let mut random = random(seed);
        let mut take = |rows: usize| random.by_ref().take(rows * columns).collect::<Vec<f32>>();
        let (before, positions, kinds) = (take(count), take(9), take(types));
        let (places, _) = described(&lengths, types);

        let (place_buffer, values) = (bench.upload(&places), bench.upload(&before));
        let tables = (bench.upload(&positions), bench.upload(&kinds));
        let got: Vec<f32> = bench.run_encoder(&values, before.len(), |recorder| {
            recorder.add_embeddings(&place_buffer, (&tables.0, &tables.1), &values, (count, columns));
        });
        let sum = |(at, value): (usize, &f32)| {
            let [position, kind, ..] = places[at / columns].map(|place| place as usize * columns);
            let added = positions[position + at % columns] + kinds[kind + at % columns];
            f64::from(*value) + f64::from(added)
        };
        assert_close(&got, &before.iter().enumerate().map(sum).collect::<Vec<_>>(), 1e-6);
    });
}

#[test]
fn tokens_attend_to_their_own_text() {
    // Widths on both sides of what 64 lanes sum, texts on both sides of what they score at once.
    let shapes = (1..4usize, prop::sample::select(vec![4usize, 20, 32, 64, 256]), lengths(150));
    check((shapes, any::<u64>()), |bench, ((heads, width, lengths), seed)| {
        let count: usize = lengths.iter().sum();
        let columns = heads * width;
        let mut random = random(seed);
        let mut take = || random.by_ref().take(count * columns).map(|x| 3.0 * x).collect::<Vec<f32>>();
        let (queries, keys, values) = (take(), take(), take());
        let (places, _) = described(&lengths, 2);

        let place_buffer = bench.upload(&places);
        let buffers = [&queries, &keys, &values, &vec![0.0; queries.len()]].map(|data| bench.upload(data));
        let got: Vec<f32> = bench.run_encoder(&buffers[3], queries.len(), |recorder| {
            let heads = Heads { query_heads: heads, kv_heads: heads, width };
            recorder.text_attention(heads, &place_buffer, buffers.each_ref(), count);
        });

        let mut expected = Vec::new();
        for (index, query) in queries.chunks(width).enumerate() {
            let [.., first, end] = places[index / heads].map(|place| place as usize);
            let row = |token: usize| (token * heads + index % heads) * width;
            let score = |token| dot(query, &keys[row(token)..][..width]) / (width as f64).sqrt();
            let weights: Vec<f64> = (first..end).map(|token| score(token).exp()).collect();
            let total: f64 = weights.iter().sum();
            expected.extend((0..width).map(|column| {
                let term = |(token, weight): (usize, &f64)| weight * f64::from(values[row(token) + column]);
                (first..end).zip(&weights).map(term).sum::<f64>() / total
            }));
        }
        assert_close(&got, &expected, 1e-4);
    });
}

#[test]
fn the_exact_gelu() {
    /// erf by its Taylor series: in double precision it is good up to 5.
    fn erf(x: f64) -> f64 {
        let terms = (1..200).scan(x, |term, n| {
            *term *= -x * x / f64::from(n);
            Some(*term / f64::from(2 * n + 1))
        });
        (x + terms.sum::<f64>()) * 2.0 / std::f64::consts::PI.sqrt()
    }
    check((1..5usize, 1..80usize, any::<u64>()), |bench, (rows, quads, seed)| {
        let columns = 4 * quads;
        let values: Vec<f32> = random(seed).take(rows * columns).map(|x| 6.0 * x).collect();
        let buffer = bench.upload(&values);
        let got: Vec<f32> =
            bench.run_encoder(&buffer, values.len(), |recorder| recorder.gelu_erf(&buffer, rows, columns));
        let gelu = |x: &f32| f64::from(*x) / 2.0 * (1.0 + erf(f64::from(*x) / 2f64.sqrt()));
        assert_close(&got, &values.iter().map(gelu).collect::<Vec<_>>(), 3e-6);
    });
}

#[test]
fn texts_are_pooled() {
    let shapes = (lengths(70), 1..80usize, 0..3usize, any::<bool>());
    check((shapes, any::<u64>()), |bench, ((lengths, quads, before, mean), seed)| {
        let (columns, count) = (4 * quads, lengths.iter().sum::<usize>());
        let (first, all) = (4 * before, columns + 4 * before);
        let states: Vec<f32> = random(seed).take(count * columns).collect();
        let (_, ranges) = described(&lengths, 1);

        let (range_buffer, state_buffer) = (bench.upload(&ranges), bench.upload(&states));
        let output = bench.upload(&vec![9.0f32; lengths.len() * all]);
        let got: Vec<f32> = bench.run_encoder(&output, lengths.len() * all, |recorder| {
            let pool = if mean { Pool::Mean } else { Pool::First };
            let columns_of = Columns { buffer: &output, all, first };
            recorder.pool(pool, &range_buffer, (&state_buffer, columns), columns_of, lengths.len());
        });
        let mut expected = Vec::new();
        for [begin, end] in ranges.iter().map(|range| range.map(|token| token as usize)) {
            let tokens = if mean { begin..end } else { begin..begin + 1 };
            expected.extend(vec![9.0; first]);
            expected.extend((0..columns).map(|column| {
                let value = |token: usize| f64::from(states[token * columns + column]);
                tokens.clone().map(value).sum::<f64>() / tokens.len() as f64
            }));
        }
        assert_close(&got, &expected, 1e-5);
    });
}

#[test]
fn rows_are_scaled_to_length_one() {
    check((1..5usize, 1..80usize, any::<u64>()), |bench, (rows, quads, seed)| {
        let columns = 4 * quads;
        let mut values: Vec<f32> = random(seed).take(rows * columns).map(|x| 5.0 * x).collect();
        values[..columns].fill(0.0);
        let buffer = bench.upload(&values);
        let got: Vec<f32> = bench
            .run_encoder(&buffer, values.len(), |recorder| recorder.unit_length(&buffer, (rows, columns)));
        let scaled = |row: &[f32]| {
            let length = dot(row, row).sqrt();
            let scale = if length > 0.0 { 1.0 / length } else { 1.0 };
            row.iter().map(|value| f64::from(*value) * scale).collect::<Vec<_>>()
        };
        assert_close(&got, &values.chunks(columns).flat_map(scaled).collect::<Vec<_>>(), 1e-5);
    });
}
