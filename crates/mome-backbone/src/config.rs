//! The shape of a backbone, as its metadata describe it.

use thiserror::Error;

use crate::{Gguf, GgufError};

/// Architectures that can be run.
const SUPPORTED: [&str; 1] = ["llama"];

/// Why a backbone cannot be run as its metadata describe it.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ConfigError {
    /// Metadata that are missing or of the wrong type.
    #[error(transparent)]
    Metadata(#[from] GgufError),
    /// An architecture that the engine does not know.
    #[error("architecture {name} is not supported; supported is {}", SUPPORTED.join(", "))]
    Architecture {
        /// What the file calls it.
        name: String,
    },
    /// A number that makes no sense.
    #[error("metadata {key} is {value}: {problem}")]
    Value {
        /// The metadata key.
        key: String,
        /// What it says.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A variation of the architecture that would be computed wrongly.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The table of token embeddings is missing or does not fit the vocabulary.
    #[error("tensor token_embd.weight: {0}")]
    Embedding(String),
}

/// The shape of a backbone and the constants of its arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name of the architecture: `llama`.
    pub architecture: String,
    /// Width of the hidden state, d.
    pub hidden: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_width: usize,
    /// Width of the feed-forward layer.
    pub feed_forward: usize,
    /// The most tokens that a sequence may have.
    pub context: usize,
    /// Number of tokens, V.
    pub vocabulary: usize,
    /// Added to the mean square in RMSNorm.
    pub rms_epsilon: f32,
    /// Base of RoPE's angles.
    pub rope_base: f32,
    /// How many of a head's first elements RoPE rotates; even.
    pub rope_width: usize,
    /// Whether the output projection is the token embedding.
    pub tied: bool,
}

impl Config {
    /// Reads and checks the configuration; `vocabulary` is the number of tokens that the tokenizer has.
    pub(crate) fn read(gguf: &Gguf, vocabulary: usize) -> Result<Self, ConfigError> {
        let architecture = gguf
            .string("general.architecture")?
            .ok_or_else(|| GgufError::Missing("general.architecture".to_owned()))?;
        if !SUPPORTED.contains(&architecture) {
            return Err(ConfigError::Architecture { name: architecture.to_owned() });
        }
        let section = Section { gguf, architecture };
        let hidden = section.required("embedding_length", 1 << 16)?;
        let heads = section.required("attention.head_count", 1 << 12)?;
        let kv_heads = section.size("attention.head_count_kv", 1 << 12)?.unwrap_or(heads);
        if !heads.is_multiple_of(kv_heads) {
            return Err(section.bad(
                "attention.head_count_kv",
                kv_heads,
                format!("it does not divide {heads} heads"),
            ));
        }
        let head_width = match section.size("attention.key_length", 1 << 12)? {
            Some(width) => width,
            None if hidden.is_multiple_of(heads) => hidden / heads,
            None => {
                return Err(section.bad(
                    "attention.head_count",
                    heads,
                    format!("it does not divide the width {hidden}"),
                ));
            }
        };
        let rope_width = section.size("rope.dimension_count", 1 << 12)?.unwrap_or(head_width);
        if rope_width > head_width || !rope_width.is_multiple_of(2) {
            let problem = format!("it should be even and at most the head's width, {head_width}");
            return Err(section.bad("rope.dimension_count", rope_width, problem));
        }
        let config = Self {
            architecture: architecture.to_owned(),
            hidden,
            layers: section.required("block_count", 1 << 12)?,
            heads,
            kv_heads,
            head_width,
            feed_forward: section.required("feed_forward_length", 1 << 20)?,
            context: section.required("context_length", 1 << 26)?,
            vocabulary,
            rms_epsilon: section.positive("attention.layer_norm_rms_epsilon", 1e-5)?,
            rope_base: section.positive("rope.freq_base", 10_000.0)?,
            rope_width,
            tied: gguf.tensor("output.weight").is_none(),
        };
        section.refuse_variations(head_width)?;
        check_embedding(gguf, &config)?;
        Ok(config)
    }
}

/// Refuses a vocabulary that the embedding does not cover, since every token id indexes it.
fn check_embedding(gguf: &Gguf, config: &Config) -> Result<(), ConfigError> {
    let embedding =
        gguf.tensor("token_embd.weight").ok_or_else(|| ConfigError::Embedding("it is missing".to_owned()))?;
    let expected = [config.hidden as u64, config.vocabulary as u64];
    if embedding.shape != expected {
        let problem = format!("its shape is {:?}, not {expected:?} (width, tokens)", embedding.shape);
        return Err(ConfigError::Embedding(problem));
    }
    Ok(())
}

/// The metadata of one architecture: keys begin with its name.
struct Section<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
}

impl Section<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn bad(&self, name: &str, value: impl ToString, problem: String) -> ConfigError {
        ConfigError::Value { key: self.key(name), value: value.to_string(), problem }
    }

    /// A number from 1 to `limit`, where there is one.
    fn size(&self, name: &str, limit: u64) -> Result<Option<usize>, ConfigError> {
        match self.gguf.unsigned(&self.key(name))? {
            None => Ok(None),
            Some(value) if (1..=limit).contains(&value) => Ok(Some(value as usize)),
            Some(value) => Err(self.bad(name, value, format!("it should be from 1 to {limit}"))),
        }
    }

    fn required(&self, name: &str, limit: u64) -> Result<usize, ConfigError> {
        Ok(self.size(name, limit)?.ok_or_else(|| GgufError::Missing(self.key(name)))?)
    }

    /// A finite number above zero.
    fn positive(&self, name: &str, default: f32) -> Result<f32, ConfigError> {
        let Some(value) = self.gguf.float(&self.key(name))? else { return Ok(default) };
        let value = value as f32;
        if value.is_finite() && value > 0.0 {
            Ok(value)
        } else {
            Err(self.bad(name, value, "it should be above 0".to_owned()))
        }
    }

    fn refuse_variations(&self, head_width: usize) -> Result<(), ConfigError> {
        if self.gguf.tensor("rope_freqs.weight").is_some() {
            return Err(ConfigError::Unsupported(
                "RoPE with frequency factors (tensor rope_freqs.weight)".to_owned(),
            ));
        }
        let scaling = self.gguf.string(&self.key("rope.scaling.type"))?;
        if let Some(scaling) = scaling.filter(|kind| *kind != "none") {
            return Err(ConfigError::Unsupported(format!("RoPE scaling `{scaling}`")));
        }
        if self.gguf.unsigned(&self.key("expert_count"))?.is_some_and(|count| count > 0) {
            return Err(ConfigError::Unsupported("a mixture of feed-forward experts".to_owned()));
        }
        let value_width = self.size("attention.value_length", 1 << 12)?;
        if value_width.is_some_and(|width| width != head_width) {
            return Err(ConfigError::Unsupported("value heads of another width than key heads".to_owned()));
        }
        Ok(())
    }
}
