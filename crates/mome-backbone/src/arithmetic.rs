//! The kinds of arithmetic that architectures are put together from.

/// What is done to the residual stream before a layer reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// RMSNorm: scaled to a mean square of one (arXiv 1910.07467).
    Rms,
    /// LayerNorm: less its mean, and scaled to a variance of one (arXiv 1607.06450).
    Layer,
}

/// What lies between the matrices of the feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// SwiGLU: `silu(gate) * up` (arXiv 2002.05202).
    GatedSilu,
    /// GeGLU: `gelu(gate) * up` (arXiv 2002.05202), GELU by its approximation with tanh.
    GatedGelu,
    /// GELU of `up`, by its approximation with tanh (arXiv 1606.08415).
    Gelu,
}

/// Which columns of a head RoPE rotates together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopePairs {
    /// Neighbours: 2 i and 2 i + 1.
    Interleaved,
    /// i and i + half the rotated width.
    HalfSplit,
}

/// Rotary position embedding (arXiv 2104.09864).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Base of the angles: pair i of position p turns by `p * base^(-2 i / width)`.
    pub base: f32,
    /// How many of a head's first columns are rotated; even.
    pub width: usize,
    /// Which columns are rotated together.
    pub pairs: RopePairs,
}

/// Attention that sees the nearest tokens only, in all blocks but every so many-th (Gemma 3, arXiv
/// 2503.19786).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalAttention {
    /// How many tokens a token sees, itself included.
    pub window: usize,
    /// Blocks whose number, counted from 1, is a multiple of this see all tokens.
    pub global_every: usize,
    /// The base of RoPE's angles in the other blocks: see [`Rope::base`].
    pub rope_base: f32,
}
