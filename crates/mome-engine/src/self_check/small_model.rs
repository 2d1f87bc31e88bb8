//! A small model with the same operations as a backbone, and weights made on the spot.

use mome_backbone::{Backbone, Block, Config, MatrixSource, TensorType, Transformer};

use super::weights::{Maker, SmallMatrix};

/// Tokens that it knows: no multiple of what workgroups take.
const VOCABULARY: usize = 300;

/// The most tokens of a sequence.
const CONTEXT: usize = 48;

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
        let all = blocks.iter().flat_map(|block| matrices(block)).map(kind);
        let ends =
            [Some(&transformer.embedding), transformer.output.as_ref(), transformer.positions.as_ref()];
        let unit = all.chain(ends.into_iter().flatten().map(kind)).map(TensorType::block_len).max();
        let config = shape(backbone.config(), blocks.len(), unit.unwrap_or_default().max(4));
        let weights = Self::transformer(&mut Maker::new(kind), &config, transformer, &blocks);
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
        ..config.clone()
    }
}

impl SmallModel {
    fn transformer<K: Fn(&MatrixSource) -> TensorType, V>(
        maker: &mut Maker<K>,
        config: &Config,
        like: &Transformer<MatrixSource, V>,
        blocks: &[&Block<MatrixSource, V>],
    ) -> Transformer<SmallMatrix, Vec<f32>> {
        let Config { hidden, vocabulary, context, rope, .. } = *config;
        Transformer {
            embedding: maker.matrix(&like.embedding, [vocabulary, hidden]),
            positions: like.positions.as_ref().map(|like| maker.matrix(like, [context, hidden])),
            rope_factors: like
                .rope_factors
                .as_ref()
                .map(|_| maker.vector(2.0, rope.map_or(0, |rope| rope.width / 2))),
            blocks: blocks.iter().map(|like| Self::block(maker, config, like)).collect(),
            output_norm: maker.norm(&like.output_norm, hidden),
            output: like.output.as_ref().map(|like| maker.matrix(like, [vocabulary, hidden])),
        }
    }

    fn block<K: Fn(&MatrixSource) -> TensorType, V>(
        maker: &mut Maker<K>,
        config: &Config,
        like: &Block<MatrixSource, V>,
    ) -> Block<SmallMatrix, Vec<f32>> {
        let Config { hidden, heads, kv_heads, head_width, feed_forward, .. } = *config;
        let (queries, keys) = (heads * head_width, kv_heads * head_width);
        Block {
            attention_norm: maker.norm(&like.attention_norm, hidden),
            query: maker.linear(&like.query, [queries, hidden]),
            key: maker.linear(&like.key, [keys, hidden]),
            value: maker.linear(&like.value, [keys, hidden]),
            query_norm: like.query_norm.as_ref().map(|_| maker.vector(1.0, head_width)),
            key_norm: like.key_norm.as_ref().map(|_| maker.vector(1.0, head_width)),
            attention_output: maker.linear(&like.attention_output, [hidden, queries]),
            feed_forward_norm: maker.norm(&like.feed_forward_norm, hidden),
            gate: like.gate.as_ref().map(|like| maker.linear(like, [feed_forward, hidden])),
            up: maker.linear(&like.up, [feed_forward, hidden]),
            down: maker.linear(&like.down, [hidden, feed_forward]),
        }
    }
}
