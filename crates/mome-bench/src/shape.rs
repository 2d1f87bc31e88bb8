//! The shapes of the models that are measured, and the types of their weights.

use std::fmt;
use std::str::FromStr;

use mome_backbone::TensorType;
use serde::{Deserialize, Serialize};

/// The shape of a llama backbone with byte-level BPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width of the hidden state, d; it names the shape too.
    pub hidden: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Width of the feed-forward layer.
    pub feed_forward: usize,
    /// Number of tokens, V.
    pub vocabulary: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Whether the output projection is the token embedding.
    pub tied: bool,
}

/// Columns of one head, in every shape.
pub const HEAD_WIDTH: usize = 64;

/// The most tokens that a sequence of these models may have.
pub const CONTEXT: usize = 1024;

/// All shapes. The last is that of the language models with 135 million weights.
pub const SHAPES: [Shape; 4] = [
    Shape { hidden: 256, layers: 4, feed_forward: 768, vocabulary: 4096, heads: 4, kv_heads: 2, tied: false },
    Shape {
        hidden: 512,
        layers: 8,
        feed_forward: 1408,
        vocabulary: 4096,
        heads: 8,
        kv_heads: 4,
        tied: false,
    },
    Shape {
        hidden: 1024,
        layers: 12,
        feed_forward: 2816,
        vocabulary: 8192,
        heads: 16,
        kv_heads: 8,
        tied: false,
    },
    Shape {
        hidden: 576,
        layers: 30,
        feed_forward: 1536,
        vocabulary: 49152,
        heads: 9,
        kv_heads: 3,
        tied: true,
    },
];

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.hidden, self.layers, self.feed_forward, self.vocabulary)
    }
}

impl FromStr for Shape {
    type Err = String;

    /// Takes the width, or the whole of what `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = |shape: &&Self| text == shape.hidden.to_string() || text == shape.to_string();
        SHAPES.iter().find(named).copied().ok_or_else(|| {
            let names = SHAPES.map(|shape| shape.hidden.to_string()).join(", ");
            format!("there is no shape `{text}`: use {names}")
        })
    }
}

/// How the matrices of a model are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Quantization {
    /// Blocks of 32 weights of 8 bits with a half-precision scale.
    #[value(name = "q8_0")]
    #[serde(rename = "q8_0")]
    Q8_0,
    /// Blocks of 32 weights of 4 bits with a half-precision scale.
    #[value(name = "q4_0")]
    #[serde(rename = "q4_0")]
    Q4_0,
}

impl Quantization {
    /// The type in a GGUF file.
    pub fn kind(self) -> TensorType {
        match self {
            Self::Q8_0 => TensorType::Q8_0,
            Self::Q4_0 => TensorType::Q4_0,
        }
    }

    /// Bits of one weight, without its share of the scale.
    pub fn bits(self) -> usize {
        match self {
            Self::Q8_0 => 8,
            Self::Q4_0 => 4,
        }
    }
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
        })
    }
}
