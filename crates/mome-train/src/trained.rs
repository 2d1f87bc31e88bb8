//! Tensors that are trained with AdamW, and what trainings share.

use burn::optim::{AdamW, AdamWConfig, Optimizer};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

/// A tensor that is trained, with what its optimiser remembers.
pub(crate) struct Trained<const D: usize> {
    /// Its values now.
    pub tensor: Tensor<D>,
    state: Option<<AdamW as Optimizer>::State<D>>,
    rate: f64,
}

/// The optimiser of all trainings.
pub(crate) fn optimizer() -> AdamW {
    AdamWConfig::new().with_weight_decay(0.01).with_epsilon(1e-8).build()
}

impl<const D: usize> Trained<D> {
    /// A tensor that starts at these values; `rate` is its learning rate.
    pub(crate) fn new(values: &[f32], shape: [usize; D], rate: f64, device: &Device) -> Self {
        Self::from_tensor(Tensor::from_data(TensorData::new(values.to_vec(), shape), device), rate)
    }

    /// A tensor that starts as it is.
    pub(crate) fn from_tensor(tensor: Tensor<D>, rate: f64) -> Self {
        Self { tensor: tensor.require_grad(), state: None, rate }
    }

    /// A step down the gradient; `share` of the learning rate is taken.
    pub(crate) fn step(&mut self, optimizer: &AdamW, gradients: &Gradients, share: f64) {
        if let Some(gradient) = self.tensor.grad(gradients) {
            self.descend(optimizer, gradient, share);
        }
    }

    /// A step down this gradient; `share` of the learning rate is taken.
    pub(crate) fn descend(&mut self, optimizer: &AdamW, gradient: Tensor<D>, share: f64) {
        let (tensor, state) =
            optimizer.step(self.rate * share, self.tensor.clone().inner(), gradient, self.state.take());
        self.tensor = Tensor::from_inner(tensor).require_grad();
        self.state = state;
    }

    pub(crate) fn values(&self) -> Vec<f32> {
        self.tensor.clone().into_data().iter::<f32>().collect()
    }
}

/// The share of the learning rate at a step: half a cosine, down to a twentieth.
pub(crate) fn annealed(step: usize, steps: usize) -> f64 {
    0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos())
}

/// Rows scaled to length one; a row of zeros stays near zero.
pub(crate) fn unit_rows(rows: Tensor<2>) -> Tensor<2> {
    let square = (rows.clone() * rows.clone()).sum_dim(1);
    rows / (square + 1e-12).sqrt()
}
