//! A small encoder with the same operations as a given one, a reranker on top of it where there is one, and weights made
//! on the spot.

use mome_backbone::{
    Encoder, EncoderBlock, EncoderBlockShape, EncoderConfig, EncoderEmbedding, EncoderWeights, MatrixSource,
    ModelFile, Reranker, RerankerWeights, TensorType,
};

use super::weights::{Maker, SmallMatrix};

/// Tokens that it knows: no multiple of what workgroups take.
const VOCABULARY: usize = 300;

/// The most tokens of a text.
pub(super) const CONTEXT: usize = 48;

/// At least so wide are the hidden state and the feed-forward layer, in whole blocks of the types.
const WIDTH: usize = 200;

/// Width of the reranker's hidden layer.
const RANK_WIDTH: usize = 36;

/// At most so many kinds of blocks there are: files mix two or three types of weights.
const BLOCKS: usize = 4;

/// An encoder with the architecture, the constants, and the types of weights of another.
pub(crate) struct SmallEncoder {
    /// Its shape.
    pub config: EncoderConfig,
    /// Its weights.
    pub weights: EncoderWeights<SmallMatrix, Vec<f32>>,
    /// What comes after all its blocks.
    pub ranker: Option<RerankerWeights<SmallMatrix, Vec<f32>>>,
}

impl SmallEncoder {
    /// The encoder and reranker for given ones: always the same for the same ones.
    pub fn like(encoder: &Encoder, reranker: Option<&Reranker>) -> Self {
        let (kind, config) = (kinds(encoder.file()), encoder.config());
        let (embedding, blocks) = (&encoder.weights().embedding, distinct(&encoder.weights().blocks, &kind));
        let upper = reranker.map(|reranker| {
            let kind = kinds(reranker.file());
            (reranker, distinct(&reranker.weights().blocks, &kind), kind)
        });

        let of_upper = upper.iter().flat_map(|(reranker, blocks, kind)| {
            let RerankerWeights { hidden, output, .. } = reranker.weights();
            let head = [&hidden.weight, &output.weight].into_iter();
            blocks.iter().flat_map(|block| matrices(block)).chain(head).map(kind)
        });
        let own = blocks.iter().flat_map(|block| matrices(block)).chain([&embedding.tokens]).map(&kind);
        let unit = own.chain(of_upper).map(TensorType::block_len).max().unwrap_or_default().max(4);
        let shape = shape(&config.block, unit);
        let hidden = shape.hidden;

        let mut maker = Maker::new(&kind);
        let weights = EncoderWeights {
            embedding: EncoderEmbedding {
                tokens: maker.matrix(&embedding.tokens, [VOCABULARY, hidden]),
                positions: maker.matrix(&embedding.positions, [CONTEXT, hidden]),
                types: embedding.types.as_ref().map(|like| maker.matrix(like, [config.token_types, hidden])),
                norm: maker.norm(&embedding.norm, hidden),
            },
            blocks: blocks.iter().map(|like| block(&mut maker, &shape, like)).collect(),
        };
        let ranker = upper.as_ref().map(|(reranker, blocks, kind)| {
            let mut maker = Maker::new(kind);
            let RerankerWeights { hidden: like_hidden, output, .. } = reranker.weights();
            let rank_width = RANK_WIDTH.next_multiple_of(unit);
            RerankerWeights {
                blocks: blocks.iter().map(|like| block(&mut maker, &shape, like)).collect(),
                hidden: maker.linear(like_hidden, [rank_width, 2 * hidden]),
                output: maker.linear(output, [3, rank_width]),
            }
        });
        let config = EncoderConfig {
            block: shape,
            layers: weights.blocks.len(),
            context: CONTEXT,
            vocabulary: VOCABULARY,
            ..config.clone()
        };
        Self { config, weights, ranker }
    }
}

/// The types of a file's matrices.
fn kinds(file: &ModelFile) -> impl Fn(&MatrixSource) -> TensorType {
    |source| file.tensors()[source.tensor].kind
}

/// One block for each mixture of types.
fn distinct<V>(
    blocks: &[EncoderBlock<MatrixSource, V>],
    kind: impl Fn(&MatrixSource) -> TensorType,
) -> Vec<&EncoderBlock<MatrixSource, V>> {
    let mut found: Vec<&EncoderBlock<_, _>> = Vec::new();
    for block in blocks {
        let known = |other: &&EncoderBlock<_, _>| matrices(other).map(&kind).eq(matrices(block).map(&kind));
        if found.len() < BLOCKS && !found.iter().any(known) {
            found.push(block);
        }
    }
    found
}

/// The matrices of a block.
fn matrices<M, V>(block: &EncoderBlock<M, V>) -> impl Iterator<Item = &M> {
    let EncoderBlock { query, key, value, attention_output, up, down, .. } = block;
    [query, key, value, attention_output, up, down].into_iter().map(|linear| &linear.weight)
}

/// A small shape like that of an encoder: heads as wide, rows of matrices a multiple of `unit`.
fn shape(like: &EncoderBlockShape, unit: usize) -> EncoderBlockShape {
    let width = like.head_width();
    let enough = |heads: &usize| heads * width >= WIDTH && (heads * width).is_multiple_of(unit);
    // A multiple of the unit is among the first `unit` multiples of any width.
    let heads = (1..).find(enough).unwrap_or(unit);
    EncoderBlockShape {
        hidden: heads * width,
        heads,
        feed_forward: (WIDTH + unit).next_multiple_of(unit),
        norm_epsilon: like.norm_epsilon,
    }
}

fn block<K: Fn(&MatrixSource) -> TensorType, V>(
    maker: &mut Maker<K>,
    shape: &EncoderBlockShape,
    like: &EncoderBlock<MatrixSource, V>,
) -> EncoderBlock<SmallMatrix, Vec<f32>> {
    let EncoderBlockShape { hidden, feed_forward, .. } = *shape;
    EncoderBlock {
        query: maker.linear(&like.query, [hidden, hidden]),
        key: maker.linear(&like.key, [hidden, hidden]),
        value: maker.linear(&like.value, [hidden, hidden]),
        attention_output: maker.linear(&like.attention_output, [hidden, hidden]),
        attention_norm: maker.norm(&like.attention_norm, hidden),
        up: maker.linear(&like.up, [feed_forward, hidden]),
        down: maker.linear(&like.down, [hidden, feed_forward]),
        output_norm: maker.norm(&like.output_norm, hidden),
    }
}
