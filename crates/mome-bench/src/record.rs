//! What is measured of one engine, on one device, with one model.

use serde::{Deserialize, Serialize};

/// One measurement. What could not be measured is absent; `note` says why.
///
/// Every measuring program prints one as JSON: `mome-bench measure`, the scripts in `peers/`, and
/// `web/bench/main.mjs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The device in the engine's words.
    pub device: Option<String>,
    /// The program that was measured, where it has a version of its own.
    pub version: Option<String>,
    /// From nothing to ready: file, device, kernels.
    pub load_seconds: Option<f64>,
    /// From nothing to the first token after a prompt of 16.
    pub first_token_seconds: Option<f64>,
    /// Tokens per second through a prompt of 128.
    pub prefill_tokens_per_second: Option<f64>,
    /// Tokens per second, one after another.
    pub decode_tokens_per_second: Option<f64>,
    /// Seconds for the products of all weight matrices with one vector each: what a decoded token costs at least.
    pub matvec_seconds: Option<f64>,
    /// The most memory that the process had at once; in a browser its renderer and GPU processes together, less
    /// what they take for a blank page.
    pub peak_bytes: Option<u64>,
    /// What there is to say besides.
    pub note: Option<String>,
}

impl Record {
    /// The better of two measurements of the same thing, number by number: noise only ever slows down.
    pub fn best(self, other: Self) -> Self {
        let least = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::min);
        let most = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        Self {
            device: self.device.or(other.device),
            version: self.version.or(other.version),
            load_seconds: least(self.load_seconds, other.load_seconds),
            first_token_seconds: least(self.first_token_seconds, other.first_token_seconds),
            prefill_tokens_per_second: most(self.prefill_tokens_per_second, other.prefill_tokens_per_second),
            decode_tokens_per_second: most(self.decode_tokens_per_second, other.decode_tokens_per_second),
            matvec_seconds: least(self.matvec_seconds, other.matvec_seconds),
            peak_bytes: self.peak_bytes.max(other.peak_bytes),
            note: self.note.or(other.note),
        }
    }

    /// The part of a decoded token's time that its matrix products need by themselves.
    pub fn matvec_share(&self) -> Option<f64> {
        Some(self.matvec_seconds? * self.decode_tokens_per_second?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_taken_number_by_number() {
        let first = Record {
            load_seconds: Some(2.0),
            decode_tokens_per_second: Some(10.0),
            peak_bytes: Some(5),
            ..Record::default()
        };
        let second = Record {
            load_seconds: Some(1.0),
            decode_tokens_per_second: Some(9.0),
            prefill_tokens_per_second: Some(100.0),
            peak_bytes: Some(6),
            note: Some("late".to_owned()),
            ..Record::default()
        };
        let best = first.best(second.clone());
        assert_eq!(best.load_seconds, Some(1.0));
        assert_eq!(best.decode_tokens_per_second, Some(10.0));
        assert_eq!(best.prefill_tokens_per_second, Some(100.0));
        assert_eq!((best.peak_bytes, best.note), (Some(6), second.note));
    }

    #[test]
    fn the_share_is_that_of_a_tokens_time() {
        let record = Record {
            matvec_seconds: Some(0.006),
            decode_tokens_per_second: Some(100.0),
            ..Record::default()
        };
        assert!((record.matvec_share().unwrap() - 0.6).abs() < 1e-12);
    }
}
