//! The architectures that can be run: how each differs from the others.

use crate::arithmetic::{Activation, NormKind, RopePairs};

/// What tells one architecture from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Architecture {
    /// `general.architecture`.
    pub name: &'static str,
    pub norm: NormKind,
    /// How RoPE pairs the columns of a head; `None` where positions have embeddings.
    pub rope: Option<RopePairs>,
    pub activation: Activation,
    /// Whether queries, keys and values have biases.
    pub attention_bias: bool,
    /// Whether every matrix of a block has a bias.
    pub all_biases: bool,
    /// Whether queries, keys and values are one tensor, `attn_qkv`.
    pub fused_attention: bool,
    /// Whether each head of queries and keys is normed.
    pub head_norms: bool,
    /// Whether what a layer adds is normed before it is added.
    pub post_norms: bool,
    /// Whether token embeddings are multiplied by the square root of their width.
    pub scaled_embeddings: bool,
    /// Whether a window that the file names is that of local blocks, between which others see all tokens.
    pub local_attention: bool,
}

const LLAMA: Architecture = Architecture {
    name: "llama",
    norm: NormKind::Rms,
    rope: Some(RopePairs::Interleaved),
    activation: Activation::GatedSilu,
    attention_bias: false,
    all_biases: false,
    fused_attention: false,
    head_norms: false,
    post_norms: false,
    scaled_embeddings: false,
    local_attention: false,
};

/// The architectures, by the names that files have for them.
const ARCHITECTURES: [Architecture; 5] = [
    LLAMA,
    Architecture { name: "qwen2", rope: Some(RopePairs::HalfSplit), attention_bias: true, ..LLAMA },
    Architecture { name: "qwen3", rope: Some(RopePairs::HalfSplit), head_norms: true, ..LLAMA },
    // Scores are divided by the root of the head's width, which the largest Gemma 3 does not do; nor is its
    // RoPE scaling supported.
    Architecture {
        name: "gemma3",
        rope: Some(RopePairs::HalfSplit),
        activation: Activation::GatedGelu,
        head_norms: true,
        post_norms: true,
        scaled_embeddings: true,
        local_attention: true,
        ..LLAMA
    },
    Architecture {
        name: "gpt2",
        norm: NormKind::Layer,
        rope: None,
        activation: Activation::Gelu,
        attention_bias: true,
        all_biases: true,
        fused_attention: true,
        ..LLAMA
    },
];

impl Architecture {
    /// The architecture of that name.
    pub fn find(name: &str) -> Option<Self> {
        ARCHITECTURES.into_iter().find(|architecture| architecture.name == name)
    }

    /// The names of all, for messages.
    pub fn names() -> String {
        ARCHITECTURES.map(|architecture| architecture.name).join(", ")
    }
}
