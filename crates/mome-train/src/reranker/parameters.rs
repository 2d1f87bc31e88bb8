//! The weights in training: what the optimiser moves, and the steps that it takes.

use std::convert::Infallible;

use burn::optim::AdamW;
use burn::tensor::{Device, Gradients, Tensor};
use mome_backbone::RerankerWeights;
use rayon::prelude::*;

use super::network::{Network, matrix_on, transposed, vector_on};
use super::numbers::{Matrix, RerankerNumbers};
use crate::trained::{Trained, optimizer};

/// The longest gradient, over all weights, that is followed as it is; a longer one is scaled down to it.
const LONGEST: f64 = 1.0;

/// The weights of a reranker in training.
pub(super) struct Parameters {
    /// Which matrix and which vector is where.
    places: RerankerWeights<usize, usize>,
    matrices: Vec<Trained<2>>,
    vectors: Vec<Trained<1>>,
    optimizer: AdamW,
}

/// A copy of all weights, to be differentiated by.
pub(super) struct Leaves<'a> {
    places: &'a RerankerWeights<usize, usize>,
    matrices: Vec<Tensor<2>>,
    vectors: Vec<Tensor<1>>,
}

/// A gradient for each weight.
pub(super) struct ParameterGradients {
    matrices: Vec<Tensor<2>>,
    vectors: Vec<Tensor<1>>,
}

impl Parameters {
    /// Starts with these numbers on a device that differentiates.
    pub fn new(numbers: &RerankerNumbers, rate: f64, device: &Device) -> Self {
        let (mut matrices, mut vectors) = (Vec::new(), Vec::new());
        let matrix = |matrix: &Matrix| {
            matrices.push(Trained::from_tensor(matrix_on(device, matrix), rate));
            Ok::<_, Infallible>(matrices.len() - 1)
        };
        let vector = |vector: &Vec<f32>| {
            vectors.push(Trained::from_tensor(vector_on(device, vector), rate));
            Ok(vectors.len() - 1)
        };
        let Ok(places) = numbers.weights.try_map(matrix, vector);
        Self { places, matrices, vectors, optimizer: optimizer() }
    }

    /// A copy of the weights as they are now, to be differentiated by. burn keeps one graph for all that has a leaf in
    /// common, and locks it; passes that run side by side need leaves of their own.
    pub fn leaves(&self) -> Leaves<'_> {
        Leaves {
            places: &self.places,
            matrices: self.matrices.iter().map(|matrix| leaf(&matrix.tensor)).collect(),
            vectors: self.vectors.iter().map(|vector| leaf(&vector.tensor)).collect(),
        }
    }

    /// The weights as they are now, not to be differentiated by.
    pub fn fixed_network(&self) -> Network {
        let matrix = |place: &usize| Ok::<_, Infallible>(self.matrices[*place].tensor.clone().inner());
        let Ok(network) =
            self.places.try_map(matrix, |place| Ok(self.vectors[*place].tensor.clone().inner()));
        network
    }

    /// The weights as they are now, as a file has them.
    pub fn numbers(&self) -> RerankerWeights<Matrix, Vec<f32>> {
        let matrix = |place: &usize| {
            let trained = &self.matrices[*place];
            let [columns, rows] = trained.tensor.dims();
            Ok::<_, Infallible>(Matrix { rows, columns, values: transposed(&trained.values(), rows) })
        };
        let Ok(numbers) = self.places.try_map(matrix, |place| Ok(self.vectors[*place].values()));
        numbers
    }

    /// A step down the gradient; `share` of the learning rate is taken. Gives the gradient's length.
    pub fn descend(&mut self, gradients: ParameterGradients, share: f64) -> f64 {
        let length = gradients.length();
        let scale = (LONGEST / length).min(1.0);
        let Self { matrices, vectors, optimizer, .. } = self;
        let ParameterGradients { matrices: of_matrices, vectors: of_vectors } = gradients;
        rayon::join(
            || {
                matrices.par_iter_mut().zip(of_matrices).for_each(|(matrix, gradient)| {
                    matrix.descend(optimizer, gradient * scale, share);
                });
            },
            || {
                vectors.par_iter_mut().zip(of_vectors).for_each(|(vector, gradient)| {
                    vector.descend(optimizer, gradient * scale, share);
                });
            },
        );
        length
    }
}

impl Leaves<'_> {
    /// The weights where they belong.
    pub fn network(&self) -> Network {
        let matrix = |place: &usize| Ok::<_, Infallible>(self.matrices[*place].clone());
        let Ok(network) = self.places.try_map(matrix, |place| Ok(self.vectors[*place].clone()));
        network
    }

    /// What a backward pass found for each weight; zeros where it came by none.
    pub fn gradients(&self, found: &Gradients) -> ParameterGradients {
        ParameterGradients {
            matrices: self.matrices.iter().map(|leaf| gradient(leaf, found)).collect(),
            vectors: self.vectors.iter().map(|leaf| gradient(leaf, found)).collect(),
        }
    }
}

impl ParameterGradients {
    /// The sum of two.
    pub fn plus(self, other: Self) -> Self {
        let matrices = self.matrices.into_iter().zip(other.matrices);
        let vectors = self.vectors.into_iter().zip(other.vectors);
        Self {
            matrices: matrices.map(|(one, other)| one + other).collect(),
            vectors: vectors.map(|(one, other)| one + other).collect(),
        }
    }

    /// The length of all as one vector.
    fn length(&self) -> f64 {
        let of_matrices: Vec<f64> =
            self.matrices.par_iter().map(|gradient| squares(gradient.clone())).collect();
        let of_vectors: Vec<f64> =
            self.vectors.par_iter().map(|gradient| squares(gradient.clone())).collect();
        of_matrices.iter().chain(&of_vectors).sum::<f64>().sqrt()
    }
}

/// The sum of the squares of all elements.
fn squares<const D: usize>(tensor: Tensor<D>) -> f64 {
    f64::from(tensor.square().sum().into_scalar::<f32>())
}

fn leaf<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    Tensor::from_inner(tensor.clone().inner()).require_grad()
}

fn gradient<const D: usize>(leaf: &Tensor<D>, found: &Gradients) -> Tensor<D> {
    leaf.grad(found).unwrap_or_else(|| leaf.clone().inner().zeros_like())
}
