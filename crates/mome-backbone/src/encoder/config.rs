//! The shape of an encoder, as its metadata describe it.

use super::ARCHITECTURE;
use crate::config_error::ConfigError;
use crate::section::Section;
use crate::{Gguf, GgufError};

/// The most token types that make sense: BERT has two.
const MAX_TOKEN_TYPES: usize = 16;

/// How a text's state comes of its tokens' states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all tokens, those at both ends included.
    Mean,
    /// The state of the first token, `[CLS]`.
    Cls,
}

/// The shape of an encoder's blocks and the constants of their arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EncoderBlockShape {
    /// Width of the hidden state, d.
    pub hidden: usize,
    /// Number of attention heads; divides `hidden`.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub feed_forward: usize,
    /// Added to the variance in norms.
    pub norm_epsilon: f32,
}

/// The shape of an encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderConfig {
    /// The shape of each block.
    pub block: EncoderBlockShape,
    /// Number of blocks.
    pub layers: usize,
    /// The most tokens that a text may have.
    pub context: usize,
    /// Number of tokens, V.
    pub vocabulary: usize,
    /// Number of token types, which tell the parts of a pair apart; one at least.
    pub token_types: usize,
    /// How a text's state comes of its tokens' states.
    pub pooling: Pooling,
}

impl EncoderBlockShape {
    /// Width of one head.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.hidden / self.heads
    }

    /// Reads and checks the shape.
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, ConfigError> {
        let hidden = section.required("embedding_length", 1 << 16)?;
        let heads = section.required("attention.head_count", 1 << 12)?;
        if !hidden.is_multiple_of(heads) {
            let problem = format!("it does not divide the width {hidden}");
            return Err(section.bad("attention.head_count", heads, problem));
        }
        Ok(Self {
            hidden,
            heads,
            feed_forward: section.required("feed_forward_length", 1 << 20)?,
            norm_epsilon: section.positive("attention.layer_norm_epsilon", 1e-12)?,
        })
    }
}

impl EncoderConfig {
    /// Reads and checks the configuration of a file with a vocabulary of so many tokens.
    pub(crate) fn read(gguf: &Gguf, vocabulary: usize) -> Result<Self, ConfigError> {
        let section = Section { gguf, architecture: ARCHITECTURE };
        if gguf.bool(&section.key("attention.causal"))? == Some(true) {
            return Err(ConfigError::Unsupported("an encoder with causal attention".to_owned()));
        }
        let token_types = match gguf.tensor("token_types.weight") {
            None => 1,
            Some(tensor) => tensor.rows(),
        };
        if token_types > MAX_TOKEN_TYPES {
            let problem = format!("{token_types} token types are more than {MAX_TOKEN_TYPES}");
            return Err(ConfigError::Tensor { name: "token_types.weight".to_owned(), problem });
        }
        Ok(Self {
            block: EncoderBlockShape::read(&section)?,
            layers: section.required("block_count", 1 << 12)?,
            context: section.required("context_length", 1 << 26)?,
            vocabulary,
            token_types,
            pooling: pooling(&section)?,
        })
    }
}

/// `pooling_type`, by llama.cpp's numbers.
fn pooling(section: &Section<'_>) -> Result<Pooling, ConfigError> {
    let name = match section.gguf.unsigned(&section.key("pooling_type"))? {
        None => return Err(GgufError::Missing(section.key("pooling_type")).into()),
        Some(1) => return Ok(Pooling::Mean),
        Some(2) => return Ok(Pooling::Cls),
        Some(0) => "none",
        Some(3) => "last token",
        Some(4) => "rank",
        Some(other) => {
            let problem = "there is no such pooling; 1 (mean) and 2 (CLS) are supported".to_owned();
            return Err(section.bad("pooling_type", other, problem));
        }
    };
    Err(ConfigError::Unsupported(format!("pooling `{name}` of an encoder, which is neither mean nor CLS,")))
}
