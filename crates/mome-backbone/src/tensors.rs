//! Finds the tensors that a model consists of in the table of its file, and checks their shapes.

use std::ops::Range;

use crate::config_error::ConfigError;
use crate::transformer::{Linear, MatrixSource, Norm, VectorSource};
use crate::{Gguf, TensorInfo};

/// The tensors of a file, and which of them have found their use.
pub(crate) struct Tensors<'a> {
    gguf: &'a Gguf,
    used: Vec<bool>,
}

impl<'a> Tensors<'a> {
    /// Those of a file, none of them used.
    pub fn new(gguf: &'a Gguf) -> Self {
        Self { gguf, used: vec![false; gguf.tensors().len()] }
    }

    /// The tensor of that name, with its place in the table.
    fn find(&mut self, name: &str) -> Option<(usize, &'a TensorInfo)> {
        let index = self.gguf.tensor_index(name)?;
        self.used[index] = true;
        Some((index, &self.gguf.tensors()[index]))
    }

    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.gguf.tensor_index(name).is_some()
    }

    /// A matrix of that shape.
    ///
    /// # Errors
    /// [`ConfigError::Tensor`] where it is missing or has another shape, as in all that follow.
    pub fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<MatrixSource, ConfigError> {
        let (tensor, info) = self.find(name).ok_or_else(|| missing(name))?;
        check_shape(info, &[columns as u64, rows as u64])?;
        Ok(MatrixSource { tensor, rows: 0..rows, columns })
    }

    /// A vector of that length, which must not be quantised.
    pub fn vector(&mut self, name: &str, length: usize) -> Result<VectorSource, ConfigError> {
        self.optional_vector(name, length)?.ok_or_else(|| missing(name))
    }

    /// A vector, where there is one of that name.
    pub fn optional_vector(
        &mut self,
        name: &str,
        length: usize,
    ) -> Result<Option<VectorSource>, ConfigError> {
        let Some((tensor, info)) = self.find(name) else { return Ok(None) };
        check_shape(info, &[length as u64])?;
        if info.kind.block_len() != 1 {
            let problem = format!("a vector of type {} cannot be used", info.kind.name());
            return Err(ConfigError::Tensor { name: name.to_owned(), problem });
        }
        Ok(Some(VectorSource { tensor, elements: 0..length }))
    }

    /// A matrix `name.weight`, with `name.bias` where there is one or one must be.
    pub fn linear(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
        needs_bias: bool,
    ) -> Result<Linear<MatrixSource, VectorSource>, ConfigError> {
        let weight = self.matrix(&format!("{name}.weight"), rows, columns)?;
        let bias = self.optional_vector(&format!("{name}.bias"), rows)?;
        if needs_bias && bias.is_none() {
            return Err(missing(&format!("{name}.bias")));
        }
        Ok(Linear { weight, bias })
    }

    /// Linear layers of one tensor, `name.weight` with `name.bias`, whose rows lie one part below the other.
    pub fn stacked_linear<const N: usize>(
        &mut self,
        name: &str,
        parts: [usize; N],
        columns: usize,
        needs_bias: bool,
    ) -> Result<[Linear<MatrixSource, VectorSource>; N], ConfigError> {
        let whole = self.linear(name, parts.iter().sum(), columns, needs_bias)?;
        let mut end = 0;
        Ok(parts.map(|rows| {
            end += rows;
            rows_of(&whole, end - rows..end)
        }))
    }

    /// LayerNorm: `name.weight` and `name.bias`, `[width]` each.
    pub fn layer_norm(&mut self, name: &str, width: usize) -> Result<Norm<VectorSource>, ConfigError> {
        let weight = self.vector(&format!("{name}.weight"), width)?;
        Ok(Norm { weight, bias: Some(self.vector(&format!("{name}.bias"), width)?) })
    }

    /// Refuses a file with a tensor that found no use: leaving it out would compute something else than the file
    /// means.
    pub fn refuse_unused(&self, architecture: &str) -> Result<(), ConfigError> {
        let unused = self.gguf.tensors().iter().zip(&self.used).find(|(_, used)| !**used);
        unused.map_or(Ok(()), |(tensor, _)| {
            let problem = format!("architecture {architecture} has no such tensor");
            Err(ConfigError::Tensor { name: tensor.name.clone(), problem })
        })
    }
}

/// Some rows of a linear layer.
fn rows_of(
    fused: &Linear<MatrixSource, VectorSource>,
    rows: Range<usize>,
) -> Linear<MatrixSource, VectorSource> {
    let bias = |bias: &VectorSource| VectorSource { elements: rows.clone(), ..bias.clone() };
    Linear {
        bias: fused.bias.as_ref().map(bias),
        weight: MatrixSource { rows: rows.clone(), ..fused.weight.clone() },
    }
}

fn missing(name: &str) -> ConfigError {
    ConfigError::Tensor { name: name.to_owned(), problem: "it is missing".to_owned() }
}

fn check_shape(info: &TensorInfo, expected: &[u64]) -> Result<(), ConfigError> {
    if info.shape == expected {
        return Ok(());
    }
    let problem = format!("its shape is {:?}, not {expected:?}", info.shape);
    Err(ConfigError::Tensor { name: info.name.clone(), problem })
}
