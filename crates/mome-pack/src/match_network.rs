//! The network that judges the match of a question and a stored wording.

use crate::bytes::{Reader, Writer};
use crate::{KEY_WIDTH, PackError};

/// Features of one token beside its best match on the other side: the product and the distance of the two reader
/// states, component by component, and four numbers.
pub const TOKEN_FEATURES: usize = 2 * KEY_WIDTH + 4;

/// Features of the match as a whole.
pub const MATCH_FEATURES: usize = 9;

/// Width of both hidden layers.
pub const NETWORK_WIDTH: usize = 32;

/// What the second layer takes: the features of the match, and for the question's tokens and for the keys the first
/// layer's outputs, their mean and their largest.
pub const POOLED_FEATURES: usize = MATCH_FEATURES + 4 * NETWORK_WIDTH;

const OBJECT: &str = "selector";

/// A matrix and a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// `[outputs, inputs]`, row by row.
    pub weights: Vec<f32>,
    /// `[outputs]`
    pub bias: Vec<f32>,
}

/// Two layers, of which the first sees each token with its best match and the second all of them pooled, and beside
/// them a linear part. It gives the log odds that both wordings ask the same.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchNetwork {
    /// `[NETWORK_WIDTH, TOKEN_FEATURES]`
    pub tokens: Dense,
    /// `[NETWORK_WIDTH, POOLED_FEATURES]`
    pub pooled: Dense,
    /// `[1, NETWORK_WIDTH]`
    pub out: Dense,
    /// `[1, MATCH_FEATURES]`
    pub linear: Dense,
}

/// Outputs and inputs of each layer, in the order in which they are stored.
const SHAPES: [[usize; 2]; 4] = [
    [NETWORK_WIDTH, TOKEN_FEATURES],
    [NETWORK_WIDTH, POOLED_FEATURES],
    [1, NETWORK_WIDTH],
    [1, MATCH_FEATURES],
];

impl Dense {
    fn zero([outputs, inputs]: [usize; 2]) -> Self {
        Self { weights: vec![0.0; outputs * inputs], bias: vec![0.0; outputs] }
    }

    fn read(reader: &mut Reader<'_>, [outputs, inputs]: [usize; 2]) -> Result<Self, PackError> {
        let weights = reader.f32s(outputs * inputs, "match network")?;
        Ok(Self { weights, bias: reader.f32s(outputs, "match network")? })
    }
}

impl Default for MatchNetwork {
    /// One that says nothing: log odds of 0 for every match.
    fn default() -> Self {
        let [tokens, pooled, out, linear] = SHAPES.map(Dense::zero);
        Self { tokens, pooled, out, linear }
    }
}

impl MatchNetwork {
    fn layers(&self) -> [&Dense; 4] {
        [&self.tokens, &self.pooled, &self.out, &self.linear]
    }

    pub(crate) fn write(&self, writer: &mut Writer) -> Result<(), PackError> {
        for (layer, [outputs, inputs]) in self.layers().into_iter().zip(SHAPES) {
            if (layer.weights.len(), layer.bias.len()) != (outputs * inputs, outputs) {
                return Err(PackError::field(OBJECT, "match network", "has a layer of another shape"));
            }
            writer.f32s(&layer.weights);
            writer.f32s(&layer.bias);
        }
        Ok(())
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, PackError> {
        let [tokens, pooled, out, linear] = SHAPES;
        Ok(Self {
            tokens: Dense::read(reader, tokens)?,
            pooled: Dense::read(reader, pooled)?,
            out: Dense::read(reader, out)?,
            linear: Dense::read(reader, linear)?,
        })
    }
}
