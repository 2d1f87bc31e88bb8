//! Where the tensors of each architecture stand in its file, and which shapes they have.

use crate::Gguf;
use crate::architecture::Architecture;
use crate::arithmetic::{Activation, NormKind};
use crate::config::Config;
use crate::config_error::ConfigError;
use crate::model_file::architecture_name;
use crate::tensors::Tensors;
use crate::transformer::{Block, MatrixSource, Norm, Transformer, VectorSource};

/// Which architecture the file has.
pub(crate) fn architecture(gguf: &Gguf) -> Result<Architecture, ConfigError> {
    let name = architecture_name(gguf)?;
    Architecture::find(name).ok_or_else(|| ConfigError::Architecture { name: name.to_owned() })
}

impl Architecture {
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
