//! A small model with the same operations as a backbone, and weights made on the spot.

use half::{bf16, f16};
use mome_backbone::{
    Backbone, Block, Config, Linear, LocalAttention, MatrixSource, Norm, TensorType, Transformer,
};

/// Tokens that it knows: no multiple of what workgroups take.
const VOCABULARY: usize = 300;

/// The most tokens of a sequence.
const CONTEXT: usize = 48;

/// Tokens that local attention sees: fewer than are run.
const WINDOW: usize = 20;

/// At least so wide are the hidden state and the feed-forward layer, in whole blocks of the types.
const WIDTH: usize = 300;

/// At most so wide are all query heads together, unless two heads are wider.
const HEADS_WIDTH: usize = 512;

/// At most so many kinds of blocks there are: backbones mix two or three types of weights.
const BLOCKS: usize = 4;

/// A model with the architecture, the constants, and the types of weights of a backbone.
pub(crate) struct SmallModel {
    /// Its shape.
    pub config: Config,
    /// Its weights.
    pub weights: Transformer<SmallMatrix, Vec<f32>>,
}

/// A matrix as a file would have it.
pub(crate) struct SmallMatrix {
    /// The type of its elements.
    pub kind: TensorType,
    /// Rows.
    pub rows: usize,
    /// Elements of a row.
    pub columns: usize,
    /// Whole blocks, row by row.
    pub data: Vec<u8>,
}

impl SmallMatrix {
    /// Its elements, row by row.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.columns];
        self.kind.dequantize(&self.data, &mut values);
        values
    }
}

impl SmallModel {
    /// The model for a backbone: always the same for the same one.
    pub fn like(backbone: &Backbone) -> Self {
        let transformer = backbone.transformer();
        let kind = |source: &MatrixSource| backbone.tensors()[source.tensor].kind;
        let mut blocks: Vec<&Block<_, _>> = Vec::new();
        for block in &transformer.blocks {
            let known = |other: &&Block<_, _>| matrices(other).map(kind).eq(matrices(block).map(kind));
            if blocks.len() < BLOCKS && !blocks.iter().any(known) {
                blocks.push(block);
            }
        }
        if transformer.blocks.len() > 1 && blocks.len() == 1 && backbone.config().local.is_some() {
            // One that sees the nearest tokens only, and one that sees all.
            blocks.push(blocks[0]);
        }
        let all = blocks.iter().flat_map(|block| matrices(block)).map(kind);
        let ends =
            [Some(&transformer.embedding), transformer.output.as_ref(), transformer.positions.as_ref()];
        let unit = all.chain(ends.into_iter().flatten().map(kind)).map(TensorType::block_len).max();
        let config = shape(backbone.config(), blocks.len(), unit.unwrap_or_default().max(4));
        let weights =
            Maker { config: &config, numbers: Numbers::new(), kind }.transformer(transformer, &blocks);
        Self { config, weights }
    }
}

/// The matrices of a block.
fn matrices<M, V>(block: &Block<M, V>) -> impl Iterator<Item = &M> {
    let Block { query, key, value, attention_output, gate, up, down, .. } = block;
    [query, key, value, attention_output, up, down].into_iter().chain(gate).map(|linear| &linear.weight)
}

/// A small shape like that of a backbone. Rows of matrices have a multiple of `unit` columns.
fn shape(config: &Config, layers: usize, unit: usize) -> Config {
    let width = WIDTH.next_multiple_of(unit);
    let shared = (config.heads / config.kv_heads).min((HEADS_WIDTH / 2 / config.head_width).max(1));
    let mut kv_heads = config.kv_heads.min(2);
    while !(kv_heads * shared * config.head_width).is_multiple_of(unit) {
        kv_heads += 1;
    }
    Config {
        hidden: width,
        layers,
        heads: kv_heads * shared,
        kv_heads,
        feed_forward: width + unit,
        context: CONTEXT,
        vocabulary: VOCABULARY,
        local: config.local.map(|local| LocalAttention { window: WINDOW, global_every: 2, ..local }),
        ..config.clone()
    }
}

/// Makes weights.
struct Maker<'a, K> {
    config: &'a Config,
    numbers: Numbers,
    kind: K,
}

impl<K: Fn(&MatrixSource) -> TensorType> Maker<'_, K> {
    fn transformer<V>(
        &mut self,
        like: &Transformer<MatrixSource, V>,
        blocks: &[&Block<MatrixSource, V>],
    ) -> Transformer<SmallMatrix, Vec<f32>> {
        let Config { hidden, vocabulary, context, rope, .. } = *self.config;
        Transformer {
            embedding: self.matrix(&like.embedding, [vocabulary, hidden]),
            positions: like.positions.as_ref().map(|like| self.matrix(like, [context, hidden])),
            rope_factors: like
                .rope_factors
                .as_ref()
                .map(|_| self.vector(2.0, rope.map_or(0, |rope| rope.width / 2))),
            blocks: blocks.iter().map(|like| self.block(like)).collect(),
            output_norm: self.norm(&like.output_norm),
            output: like.output.as_ref().map(|like| self.matrix(like, [vocabulary, hidden])),
        }
    }

    fn block<V>(&mut self, like: &Block<MatrixSource, V>) -> Block<SmallMatrix, Vec<f32>> {
        let Config { hidden, heads, kv_heads, head_width, feed_forward, .. } = *self.config;
        let (queries, keys) = (heads * head_width, kv_heads * head_width);
        Block {
            attention_norm: self.norm(&like.attention_norm),
            query: self.linear(&like.query, [queries, hidden]),
            key: self.linear(&like.key, [keys, hidden]),
            value: self.linear(&like.value, [keys, hidden]),
            query_norm: like.query_norm.as_ref().map(|_| self.vector(1.0, head_width)),
            key_norm: like.key_norm.as_ref().map(|_| self.vector(1.0, head_width)),
            attention_output: self.linear(&like.attention_output, [hidden, queries]),
            attention_post_norm: like.attention_post_norm.as_ref().map(|like| self.norm(like)),
            feed_forward_norm: self.norm(&like.feed_forward_norm),
            gate: like.gate.as_ref().map(|like| self.linear(like, [feed_forward, hidden])),
            up: self.linear(&like.up, [feed_forward, hidden]),
            down: self.linear(&like.down, [hidden, feed_forward]),
            feed_forward_post_norm: like.feed_forward_post_norm.as_ref().map(|like| self.norm(like)),
        }
    }

    fn norm<V>(&mut self, like: &Norm<V>) -> Norm<Vec<f32>> {
        let width = self.config.hidden;
        let weight = self.vector(1.0, width);
        Norm { weight, bias: like.bias.as_ref().map(|_| self.vector(0.0, width)) }
    }

    fn linear<V>(
        &mut self,
        like: &Linear<MatrixSource, V>,
        shape: [usize; 2],
    ) -> Linear<SmallMatrix, Vec<f32>> {
        let weight = self.matrix(&like.weight, shape);
        Linear { weight, bias: like.bias.as_ref().map(|_| self.vector(0.0, shape[0])) }
    }

    /// Numbers around `center`.
    fn vector(&mut self, center: f32, length: usize) -> Vec<f32> {
        (0..length).map(|_| center + 0.5 * self.numbers.unit()).collect()
    }

    /// Numbers such that a product with numbers of size one has such numbers again.
    fn matrix(&mut self, like: &MatrixSource, [rows, columns]: [usize; 2]) -> SmallMatrix {
        let kind = (self.kind)(like);
        let size = (columns as f32).sqrt().recip();
        let numbers = &mut self.numbers;
        let data: Vec<u8> = match kind {
            TensorType::F32 => {
                (0..rows * columns).flat_map(|_| (2.0 * size * numbers.unit()).to_le_bytes()).collect()
            }
            TensorType::F16 => (0..rows * columns)
                .flat_map(|_| f16::from_f32(2.0 * size * numbers.unit()).to_le_bytes())
                .collect(),
            TensorType::BF16 => (0..rows * columns)
                .flat_map(|_| bf16::from_f32(2.0 * size * numbers.unit()).to_le_bytes())
                .collect(),
            quantised => blocks(quantised, rows * columns / kind.block_len(), size, numbers),
        };
        SmallMatrix { kind, rows, columns, data }
    }
}

/// Random blocks whose elements have a root mean square of `size`: every byte is drawn, and then the scales are set.
fn blocks(kind: TensorType, count: usize, size: f32, numbers: &mut Numbers) -> Vec<u8> {
    let mut data: Vec<u8> = (0..count * kind.block_bytes()).map(|_| numbers.below(256) as u8).collect();
    let mut scale = |data: &mut [u8], scale: f32| {
        for block in data.chunks_mut(kind.block_bytes()) {
            for at in scale_places(kind) {
                let signed = if numbers.below(2) == 0 { scale } else { -scale };
                block[*at..at + 2].copy_from_slice(&f16::from_f32(signed).to_le_bytes());
            }
        }
    };
    scale(&mut data, 1.0);
    let mut values = vec![0.0; count * kind.block_len()];
    kind.dequantize(&data, &mut values);
    let mean_square = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
    scale(&mut data, size / mean_square.sqrt());
    data
}

/// Where in a block of a quantised type its half-precision scales and minimums are.
pub(crate) fn scale_places(kind: TensorType) -> &'static [usize] {
    match kind {
        TensorType::Q4_1 | TensorType::Q5_1 | TensorType::Q4_K | TensorType::Q5_K => &[0, 2],
        TensorType::Q2_K => &[80, 82],
        TensorType::Q3_K => &[108],
        TensorType::Q6_K => &[208],
        _ => &[0],
    }
}

/// Pseudo-random numbers (xorshift), always the same ones.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `limit`.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        ((self.next() >> 33) % u64::from(limit)) as u32
    }

    /// From -1 to 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}
