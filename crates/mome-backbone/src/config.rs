//! The shape of a backbone, as its metadata describe it.

use crate::Gguf;
use crate::architecture::Architecture;
use crate::arithmetic::{Activation, LocalAttention, NormKind, Rope, RopePairs};
use crate::config_error::ConfigError;
use crate::section::Section;

/// The shape of a backbone and the constants of its arithmetic.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name of the architecture, as the file has it: `llama`, `qwen2`, `qwen3`, `gemma3` or `gpt2`.
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
    /// What token embeddings are multiplied by.
    pub embedding_scale: f32,
    /// The norm before each layer, and after it where there is one.
    pub norm: NormKind,
    /// Added to the mean square, or the variance, in norms.
    pub norm_epsilon: f32,
    /// How positions are told; `None` where they have learned embeddings.
    pub rope: Option<Rope>,
    /// The blocks that see the nearest tokens only, where there are any.
    pub local: Option<LocalAttention>,
    /// What lies between the matrices of the feed-forward layer.
    pub activation: Activation,
}

impl Config {
    /// Reads and checks the configuration; `vocabulary` is the number of tokens that the tokenizer has.
    pub(crate) fn read(
        gguf: &Gguf,
        architecture: Architecture,
        vocabulary: usize,
    ) -> Result<Self, ConfigError> {
        let section = Section { gguf, architecture: architecture.name };
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
        let context = section.required("context_length", 1 << 26)?;
        let epsilon = match architecture.norm {
            NormKind::Rms => "attention.layer_norm_rms_epsilon",
            NormKind::Layer => "attention.layer_norm_epsilon",
        };
        section.refuse_variations(head_width)?;
        let window = section.size("attention.sliding_window", 1 << 26)?;
        let local = match window {
            Some(window) if architecture.local_attention => Some(section.local_attention(window)?),
            _ => None,
        };
        Ok(Self {
            architecture: architecture.name.to_owned(),
            hidden,
            layers: section.required("block_count", 1 << 12)?,
            heads,
            kv_heads,
            head_width,
            feed_forward: section.required("feed_forward_length", 1 << 20)?,
            // Where all blocks have a window, as Mistral's: within it every token sees all before it.
            context: match (window, local) {
                (Some(window), None) => window.min(context),
                _ => context,
            },
            vocabulary,
            embedding_scale: if architecture.scaled_embeddings { (hidden as f32).sqrt() } else { 1.0 },
            norm: architecture.norm,
            norm_epsilon: section.positive(epsilon, 1e-5)?,
            rope: architecture.rope.map(|pairs| section.rope(pairs, head_width)).transpose()?,
            local,
            activation: architecture.activation,
        })
    }

    /// How block `index` attends, where it sees the nearest tokens only.
    #[must_use]
    pub fn local_attention(&self, index: usize) -> Option<LocalAttention> {
        self.local.filter(|local| !(index + 1).is_multiple_of(local.global_every))
    }
}

impl Section<'_> {
    fn rope(&self, pairs: RopePairs, head_width: usize) -> Result<Rope, ConfigError> {
        let width = self.size("rope.dimension_count", 1 << 12)?.unwrap_or(head_width);
        if width > head_width || !width.is_multiple_of(2) {
            let problem = format!("it should be even and at most the head's width, {head_width}");
            return Err(self.bad("rope.dimension_count", width, problem));
        }
        Ok(Rope { base: self.positive("rope.freq_base", 10_000.0)?, width, pairs })
    }

    fn local_attention(&self, window: usize) -> Result<LocalAttention, ConfigError> {
        Ok(LocalAttention {
            window,
            global_every: self.size("attention.sliding_window_pattern", 1 << 12)?.unwrap_or(6),
            rope_base: self.positive("rope.freq_base_swa", 10_000.0)?,
        })
    }

    fn refuse_variations(&self, head_width: usize) -> Result<(), ConfigError> {
        let scaling = self.gguf.string(&self.key("rope.scaling.type"))?;
        if let Some(scaling) = scaling.filter(|kind| *kind != "none") {
            return Err(ConfigError::Unsupported(format!("RoPE scaling `{scaling}`")));
        }
        if self.gguf.unsigned(&self.key("expert_count"))?.is_some_and(|count| count > 0) {
            return Err(ConfigError::Unsupported("a mixture of feed-forward experts".to_owned()));
        }
        for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
            if self.gguf.float(&self.key(key))?.is_some_and(|cap| cap != 0.0) {
                return Err(ConfigError::Unsupported(format!("`{key}`")));
            }
        }
        let value_width = self.size("attention.value_length", 1 << 12)?;
        if value_width.is_some_and(|width| width != head_width) {
            return Err(ConfigError::Unsupported("value heads of another width than key heads".to_owned()));
        }
        Ok(())
    }
}
