//! Principal directions of a cloud of vectors.

use mome_retrieval::vectors::{dot, normalize};
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Rounds of orthogonal iteration; the directions need not be sharp, only span the space that matters.
const ROUNDS: usize = 12;

/// The mean of `rows`, `[width]`.
#[must_use]
pub fn mean(rows: &[&[f32]], width: usize) -> Vec<f32> {
    let mut sum = vec![0f64; width];
    for row in rows {
        sum.iter_mut().zip(*row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sum.into_iter().map(|sum| (sum / rows.len().max(1) as f64) as f32).collect()
}

/// The `count` directions in which `rows` spread most about `mean`, `[count, width]`, row by row, by orthogonal
/// iteration (Golub and Van Loan, Matrix Computations, 8.2.4) on their covariance.
#[must_use]
pub fn principal_directions(rows: &[&[f32]], mean: &[f32], count: usize, seed: u64) -> Vec<f32> {
    let width = mean.len();
    let covariance = covariance(rows, mean);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut directions: Vec<f32> = (0..count * width).map(|_| random.random_range(-1f32..1.0)).collect();
    orthonormalize(&mut directions, width);
    for _ in 0..ROUNDS {
        directions = directions
            .par_chunks_exact(width)
            .flat_map_iter(|direction| covariance.chunks_exact(width).map(move |row| dot(row, direction)))
            .collect();
        orthonormalize(&mut directions, width);
    }
    directions
}

/// How far `rows` spread about `mean` along each of these directions: standard deviations.
#[must_use]
pub fn deviations(rows: &[&[f32]], mean: &[f32], directions: &[f32]) -> Vec<f32> {
    let along = |direction: &[f32]| {
        let middle = dot(mean, direction);
        let square: f32 = rows.iter().map(|row| (dot(row, direction) - middle).powi(2)).sum();
        (square / rows.len().max(1) as f32).sqrt()
    };
    directions.chunks_exact(mean.len()).map(along).collect()
}

/// `[width, width]`
fn covariance(rows: &[&[f32]], mean: &[f32]) -> Vec<f32> {
    let width = mean.len();
    let mut columns = vec![0f32; width * rows.len()];
    for (at, row) in rows.iter().enumerate() {
        for (column, (x, mean)) in row.iter().zip(mean).enumerate() {
            columns[column * rows.len() + at] = x - mean;
        }
    }
    let columns: Vec<&[f32]> = columns.chunks_exact(rows.len().max(1)).collect();
    columns.par_iter().flat_map_iter(|a| columns.iter().map(move |b| dot(a, b) / rows.len() as f32)).collect()
}

/// Makes the rows orthogonal and of length one (modified Gram-Schmidt). A row that the others span becomes an axis
/// that they do not.
fn orthonormalize(rows: &mut [f32], width: usize) {
    for at in 0..rows.len() / width {
        let (done, rest) = rows.split_at_mut(at * width);
        let row = &mut rest[..width];
        normalize(row);
        for axis in 0..=width {
            for other in done.chunks_exact(width) {
                let along = dot(row, other);
                row.iter_mut().zip(other).for_each(|(x, other)| *x -= along * other);
            }
            if dot(row, row) > 1e-8 || axis == width {
                break;
            }
            row.fill(0.0);
            row[axis] = 1.0;
        }
        normalize(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directions_of_largest_spread_are_found() {
        let rows: Vec<[f32; 4]> = (0..200)
            .map(|i| {
                let t = i as f32;
                [5.0 + 3.0 * t.sin(), 1.0 + 0.1 * (1.7 * t).sin(), (2.3 * t).cos(), 0.0]
            })
            .collect();
        let rows: Vec<&[f32]> = rows.iter().map(<[f32; 4]>::as_slice).collect();
        let directions = principal_directions(&rows, &mean(&rows, 4), 3, 7);
        assert!(directions[0].abs() > 0.99, "{directions:?}");
        assert!(directions[4 + 2].abs() > 0.99, "{directions:?}");
        assert!(directions[8 + 1].abs() > 0.99, "{directions:?}");
    }

    #[test]
    fn more_directions_than_spread_are_still_orthonormal() {
        let rows: [&[f32]; 2] = [&[1.0, 0.0, 0.0], &[0.0, 0.0, 0.0]];
        let directions = principal_directions(&rows, &mean(&rows, 3), 3, 7);
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            assert!(dot(&directions[a * 3..a * 3 + 3], &directions[b * 3..b * 3 + 3]).abs() < 1e-4);
        }
        assert!(directions.chunks_exact(3).all(|row| (dot(row, row) - 1.0).abs() < 1e-4));
    }
}
