//! What is measured of one engine that reads.

use serde::{Deserialize, Serialize};

/// One measurement. What could not be measured is absent; `note` says why.
///
/// Every measuring program prints one as JSON: `mome-bench measure-reader`, `peers/measure_llama_cpp_reader.py` and
/// `web/bench/main.mjs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The device in the engine's words.
    pub device: Option<String>,
    /// The program that was measured, where it has a version of its own.
    pub version: Option<String>,
    /// The median of the seconds that reading the question took.
    pub read_seconds: Option<f64>,
    /// The median of the seconds that judging the batch of pairs took, where the engine can do that.
    pub judge_seconds: Option<f64>,
    /// The question's embedding, `[d]`, of any length: engines that computed something else are not comparable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embedding: Vec<f32>,
    /// What there is to say besides.
    pub note: Option<String>,
}

impl Record {
    /// The better of two measurements of the same thing, number by number: noise only ever slows down.
    pub fn best(self, other: Self) -> Self {
        let least = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::min);
        Self {
            device: self.device.or(other.device),
            version: self.version.or(other.version),
            read_seconds: least(self.read_seconds, other.read_seconds),
            judge_seconds: least(self.judge_seconds, other.judge_seconds),
            embedding: if self.embedding.is_empty() { other.embedding } else { self.embedding },
            note: self.note.or(other.note),
        }
    }

    /// The cosine of both embeddings, where there are two of one width.
    pub fn cosine(&self, other: &Self) -> Option<f64> {
        let (a, b) = (&self.embedding, &other.embedding);
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let lengths = dot(a, a) * dot(b, b);
        (a.len() == b.len() && lengths > 0.0).then(|| dot(a, b) / lengths.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_taken_number_by_number() {
        let first = Record { read_seconds: Some(2.0), judge_seconds: Some(5.0), ..Record::default() };
        let second = Record {
            read_seconds: Some(1.0),
            judge_seconds: Some(6.0),
            embedding: vec![1.0],
            ..Record::default()
        };
        let best = first.best(second);
        assert_eq!(
            (best.read_seconds, best.judge_seconds, best.embedding),
            (Some(1.0), Some(5.0), vec![1.0])
        );
    }

    #[test]
    fn the_cosine_does_not_depend_on_lengths() {
        let of = |embedding: &[f32]| Record { embedding: embedding.to_vec(), ..Record::default() };
        assert!((of(&[3.0, 4.0]).cosine(&of(&[4.0, 3.0])).unwrap() - 0.96).abs() < 1e-9);
        assert_eq!(of(&[3.0, 4.0]).cosine(&of(&[])), None);
        assert_eq!(of(&[3.0, 4.0]).cosine(&of(&[1.0])), None);
    }
}
