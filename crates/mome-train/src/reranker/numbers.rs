//! The weights of encoders and rerankers as plain numbers: read out of their files, or made to start from.

use mome_backbone::{
    Encoder, EncoderBlock, EncoderBlockShape, EncoderWeights, Linear, MatrixSource, ModelFile, Reranker,
    RerankerWeights, VectorSource,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::TrainingError;

/// A matrix `[rows, columns]`, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// How many rows there are.
    pub rows: usize,
    /// Numbers in a row.
    pub columns: usize,
    /// All numbers.
    pub values: Vec<f32>,
}

/// A reranker's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct RerankerNumbers {
    /// The shape of each block.
    pub block: EncoderBlockShape,
    /// How many of the encoder's blocks come before the reranker's own.
    pub first_layer: usize,
    /// The blocks and the head.
    pub weights: RerankerWeights<Matrix, Vec<f32>>,
}

/// An encoder's weights.
pub(super) type EncoderNumbers = EncoderWeights<Matrix, Vec<f32>>;

/// Width of the head's hidden layer, where a head is made.
const RANK_WIDTH: usize = 128;

/// Classes: same, changed, other.
pub(super) const CLASSES: usize = 3;

/// The standard deviation that BERT's weights start with.
const DEVIATION: f32 = 0.02;

impl RerankerNumbers {
    /// Reads the file of a reranker that stands on this encoder.
    ///
    /// # Errors
    /// [`TrainingError::Reranker`] where the file is damaged or belongs to another encoder.
    pub fn read(file: &[u8], encoder: &Encoder) -> Result<Self, TrainingError> {
        let reranker = Reranker::from_bytes(file)?;
        reranker.check_encoder(encoder)?;
        let config = reranker.config();
        let weights = reranker.weights().try_map(
            |source| matrix(reranker.file(), file, source),
            |source| vector(reranker.file(), file, source),
        )?;
        Ok(Self { block: config.block, first_layer: config.first_layer, weights })
    }

    /// An encoder's own blocks from `first_layer` on, with a head of random weights.
    ///
    /// # Errors
    /// [`TrainingError::FirstLayer`] where the encoder has no such layer.
    pub fn of_encoder(
        encoder: &Encoder,
        file: &[u8],
        first_layer: usize,
        seed: u64,
    ) -> Result<Self, TrainingError> {
        let config = encoder.config();
        if first_layer > config.layers {
            return Err(TrainingError::FirstLayer { first_layer, layers: config.layers });
        }
        let blocks: Vec<EncoderBlock<Matrix, Vec<f32>>> =
            encoder_numbers(encoder, file)?.blocks.split_off(first_layer);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut layer = |rows: usize, columns: usize| {
            let weight = Matrix { rows, columns, values: random_weights(&mut random, rows * columns) };
            Linear { weight, bias: Some(vec![0.0; rows]) }
        };
        let hidden = layer(RANK_WIDTH, 2 * config.block.hidden);
        let weights = RerankerWeights { blocks, hidden, output: layer(CLASSES, RANK_WIDTH) };
        Ok(Self { block: config.block, first_layer, weights })
    }
}

/// All weights of an encoder, out of its file.
pub(super) fn encoder_numbers(encoder: &Encoder, file: &[u8]) -> Result<EncoderNumbers, TrainingError> {
    encoder
        .weights()
        .try_map(|source| matrix(encoder.file(), file, source), |source| vector(encoder.file(), file, source))
}

fn matrix(model: &ModelFile, file: &[u8], source: &MatrixSource) -> Result<Matrix, TrainingError> {
    let MatrixSource { tensor, rows, columns } = source;
    let kind = model.tensors()[*tensor].kind;
    let row_bytes = kind.row_bytes(*columns);
    let mut values = vec![0.0; rows.len() * columns];
    let bytes = tensor_bytes(model, file, *tensor, rows.start * row_bytes..rows.end * row_bytes)?;
    kind.dequantize(bytes, &mut values);
    Ok(Matrix { rows: rows.len(), columns: *columns, values })
}

fn vector(model: &ModelFile, file: &[u8], source: &VectorSource) -> Result<Vec<f32>, TrainingError> {
    let VectorSource { tensor, elements } = source;
    let kind = model.tensors()[*tensor].kind;
    let mut values = vec![0.0; elements.len()];
    let range = kind.row_bytes(elements.start)..kind.row_bytes(elements.end);
    kind.dequantize(tensor_bytes(model, file, *tensor, range)?, &mut values);
    Ok(values)
}

/// Some bytes of a tensor's data.
fn tensor_bytes<'a>(
    model: &ModelFile,
    file: &'a [u8],
    tensor: usize,
    range: std::ops::Range<usize>,
) -> Result<&'a [u8], TrainingError> {
    let info = &model.tensors()[tensor];
    let start = info.range.start as usize;
    let bytes = file.get(start + range.start..start + range.end);
    bytes.ok_or_else(|| TrainingError::Tensor(info.name.clone()))
}

/// Random weights: uniform, with [`DEVIATION`].
fn random_weights(random: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    let most = DEVIATION * 3f32.sqrt();
    (0..count).map(|_| random.random_range(-most..most)).collect()
}
