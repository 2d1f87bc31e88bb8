//! The architectures that can be run: how each differs from the others, and how its tensors are named.

use crate::Gguf;
use crate::config::{Activation, Config, ConfigError, NormKind, RopePairs};
use crate::tensors::Tensors;
use crate::transformer::{Block, MatrixSource, Norm, Transformer, VectorSource};

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
    attention_bias: bool,
    /// Whether every matrix of a block has a bias.
    all_biases: bool,
    /// Whether queries, keys and values are one tensor, `attn_qkv`.
    fused_attention: bool,
    /// Whether each head of queries and keys is normed.
    head_norms: bool,
    /// Whether what a layer adds is normed before it is added.
    post_norms: bool,
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

    /// Finds the tensors of a file and checks their shapes. A tensor that the architecture does not have is an
    /// error: leaving it out would compute something else than the file means.
    pub fn transformer(
        self,
        gguf: &Gguf,
        config: &Config,
    ) -> Result<Transformer<MatrixSource, VectorSource>, ConfigError> {
        let mut tensors = Tensors::new(gguf);
        let Config { hidden, vocabulary, context, layers, .. } = *config;
        let rope_pairs = config.rope.map(|rope| rope.width / 2);
        let transformer = Transformer {
            embedding: tensors.matrix("token_embd.weight", vocabulary, hidden)?,
            positions: match rope_pairs {
                Some(_) => None,
                None => Some(tensors.matrix("position_embd.weight", context, hidden)?),
            },
            rope_factors: match rope_pairs {
                Some(pairs) => tensors.optional_vector("rope_freqs.weight", pairs)?,
                None => None,
            },
            blocks: (0..layers)
                .map(|index| self.block(&mut tensors, config, index))
                .collect::<Result<_, _>>()?,
            output_norm: self.norm(&mut tensors, "output_norm", hidden)?,
            output: match gguf.tensor("output.weight") {
                Some(_) => Some(tensors.matrix("output.weight", vocabulary, hidden)?),
                None => None,
            },
        };
        tensors.refuse_unused(self.name)?;
        Ok(transformer)
    }

    fn block(
        self,
        tensors: &mut Tensors<'_>,
        config: &Config,
        index: usize,
    ) -> Result<Block<MatrixSource, VectorSource>, ConfigError> {
        let Config { hidden, heads, kv_heads, head_width, feed_forward, .. } = *config;
        let (width, kv_width) = (heads * head_width, kv_heads * head_width);
        let name = |part: &str| format!("blk.{index}.{part}");
        let attention_norm = self.norm(tensors, &name("attn_norm"), hidden)?;
        let [query, key, value] = if self.fused_attention {
            let parts = [width, kv_width, kv_width];
            tensors.stacked_linear(&name("attn_qkv"), parts, hidden, self.attention_bias)?
        } else {
            [
                tensors.linear(&name("attn_q"), width, hidden, self.attention_bias)?,
                tensors.linear(&name("attn_k"), kv_width, hidden, self.attention_bias)?,
                tensors.linear(&name("attn_v"), kv_width, hidden, self.attention_bias)?,
            ]
        };
        let mut head_norm = |part: &str| match self.head_norms {
            true => tensors.vector(&name(part), head_width).map(Some),
            false => Ok(None),
        };
        Ok(Block {
            attention_norm,
            query,
            key,
            value,
            query_norm: head_norm("attn_q_norm.weight")?,
            key_norm: head_norm("attn_k_norm.weight")?,
            attention_output: tensors.linear(&name("attn_output"), hidden, width, self.all_biases)?,
            attention_post_norm: self.post_norm(tensors, &name("post_attention_norm"), hidden)?,
            feed_forward_norm: self.norm(tensors, &name("ffn_norm"), hidden)?,
            gate: match self.activation {
                Activation::GatedSilu | Activation::GatedGelu => {
                    Some(tensors.linear(&name("ffn_gate"), feed_forward, hidden, self.all_biases)?)
                }
                Activation::Gelu => None,
            },
            up: tensors.linear(&name("ffn_up"), feed_forward, hidden, self.all_biases)?,
            down: tensors.linear(&name("ffn_down"), hidden, feed_forward, self.all_biases)?,
            feed_forward_post_norm: self.post_norm(tensors, &name("post_ffw_norm"), hidden)?,
        })
    }

    fn post_norm(
        self,
        tensors: &mut Tensors<'_>,
        name: &str,
        width: usize,
    ) -> Result<Option<Norm<VectorSource>>, ConfigError> {
        self.post_norms.then(|| self.norm(tensors, name, width)).transpose()
    }

    fn norm(
        self,
        tensors: &mut Tensors<'_>,
        name: &str,
        width: usize,
    ) -> Result<Norm<VectorSource>, ConfigError> {
        let weight = tensors.vector(&format!("{name}.weight"), width)?;
        let bias = match self.norm {
            NormKind::Rms => None,
            NormKind::Layer => Some(tensors.vector(&format!("{name}.bias"), width)?),
        };
        Ok(Norm { weight, bias })
    }
}
