//! Which matrices of a backbone are put together on the device, so that fewer kernels need to be dispatched.

use mome_backbone::{Block, Transformer};

use super::device::Gpu;
use super::kernels::{Store, WeightKernelSet};
use super::weights::{Destination, FileMatrix, Weights};
use crate::EngineError;

/// All matrices of a backbone.
pub(super) struct Matrices {
    /// `[V, d]`
    pub embedding: Weights,
    pub blocks: Vec<BlockMatrices>,
    /// `[V, d]`; `None` where the token embeddings serve.
    pub output: Option<Weights>,
}

/// The matrices of one block.
pub(super) struct BlockMatrices {
    /// Query, key and value, one below the other.
    pub qkv: Weights,
    pub attention_output: Weights,
    pub feed_forward: FeedForward,
    pub down: Weights,
}

/// The first matrices of a feed-forward layer.
pub(super) enum FeedForward {
    /// Gate and up, of one type and without biases: [`Weights::pair`].
    Pair(Weights),
    /// Gate and up, apart.
    Gated { gate: Weights, up: Weights },
    /// Without a gate.
    Plain(Weights),
}

impl Matrices {
    /// Makes room for the matrices of a backbone. `describe` says what each is in the file, `place` is told where each
    /// goes. Learned positions are not among them: [`super::model::Model::positions`].
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read one.
    pub fn allocate<'a, M, V>(
        gpu: &Gpu,
        kernels: &WeightKernelSet,
        transformer: &Transformer<M, V>,
        describe: impl Fn(&M) -> FileMatrix<'a>,
        place: &mut impl FnMut(&M, Destination),
    ) -> Result<Self, EngineError> {
        let mut allocator = Allocator { gpu, kernels, describe, place };
        Ok(Self {
            embedding: allocator.stack(&[&transformer.embedding])?,
            blocks: transformer
                .blocks
                .iter()
                .map(|block| allocator.block(block))
                .collect::<Result<_, _>>()?,
            output: transformer.output.as_ref().map(|output| allocator.stack(&[output])).transpose()?,
        })
    }

    /// Compiles all kernels that read them.
    pub fn compile(&self) {
        self.embedding.chunks.iter().for_each(|chunk| {
            chunk.kernels.embed();
        });
        self.output.as_ref().unwrap_or(&self.embedding).compile_matmul(Store::Rows);
        for block in &self.blocks {
            block.qkv.compile_matmul(Store::Qkv);
            block.attention_output.compile_matmul(Store::Rows);
            match &block.feed_forward {
                FeedForward::Pair(pair) => pair.compile_matmul(Store::Swiglu),
                FeedForward::Gated { gate, up } => {
                    gate.compile_matmul(Store::Rows);
                    up.compile_matmul(Store::Rows);
                }
                FeedForward::Plain(up) => up.compile_matmul(Store::Rows),
            }
            block.down.compile_matmul(Store::Rows);
        }
    }
}

/// Makes room for matrices that `describe` tells about, and tells `place` where each goes.
pub(super) struct Allocator<'a, D, P> {
    pub gpu: &'a Gpu,
    pub kernels: &'a WeightKernelSet,
    pub describe: D,
    pub place: &'a mut P,
}

impl<'a, D, P> Allocator<'_, D, P> {
    fn block<M, V>(&mut self, block: &Block<M, V>) -> Result<BlockMatrices, EngineError>
    where
        D: Fn(&M) -> FileMatrix<'a>,
        P: FnMut(&M, Destination),
    {
        let Block { query, key, value, attention_output, gate, up, down, .. } = block;
        let feed_forward = match gate {
            None => FeedForward::Plain(self.stack(&[&up.weight])?),
            Some(gate) => {
                let [described, other] = [&gate.weight, &up.weight].map(&self.describe);
                if described.kind == other.kind && gate.bias.is_none() && up.bias.is_none() {
                    let (pair, [of_gate, of_up]) = Weights::pair(self.gpu, self.kernels, described)?;
                    (self.place)(&gate.weight, of_gate);
                    (self.place)(&up.weight, of_up);
                    FeedForward::Pair(pair)
                } else {
                    FeedForward::Gated { gate: self.stack(&[&gate.weight])?, up: self.stack(&[&up.weight])? }
                }
            }
        };
        Ok(BlockMatrices {
            qkv: self.stack(&[&query.weight, &key.weight, &value.weight])?,
            attention_output: self.stack(&[&attention_output.weight])?,
            feed_forward,
            down: self.stack(&[&down.weight])?,
        })
    }

    /// Makes room for matrices, one below the other.
    ///
    /// # Errors
    /// [`EngineError::Tensor`] where a kernel could not read one.
    pub fn stack<M>(&mut self, matrices: &[&M]) -> Result<Weights, EngineError>
    where
        D: Fn(&M) -> FileMatrix<'a>,
        P: FnMut(&M, Destination),
    {
        let described: Vec<FileMatrix<'_>> = matrices.iter().map(|matrix| (self.describe)(matrix)).collect();
        let (weights, destinations) = Weights::stack(self.gpu, self.kernels, &described)?;
        for (matrix, destination) in matrices.iter().zip(destinations) {
            (self.place)(matrix, destination);
        }
        Ok(weights)
    }
}
