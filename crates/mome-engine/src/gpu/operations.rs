//! The operations of a forward pass: each gives one kernel its parameters, bindings and grid.
//!
//! Parameters come in the order of `Params` in the shader of the same name. Here are those that work on each row or
//! value by itself.

mod attention;
mod encoder;
mod head;
mod matmul;

use mome_backbone::Activation;
use wgpu::Buffer;

use super::kernels::NormKernel;
use super::recorder::Recorder;
pub(super) use attention::{Heads, Rope, attention_scratch};
pub(super) use encoder::{Columns, Pool};
pub(super) use head::{Chunk, Expecting, MemoryBuffers, PREDICTION_WORDS};
pub(super) use matmul::Linear;

/// Invocations of a workgroup in the kernels that have one for each output.
const GROUP: usize = 64;

/// Rows of a buffer, from `first` on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub buffer: &'a Buffer,
    pub first: usize,
}

impl<'a> Rows<'a> {
    /// All rows of a buffer.
    pub fn all(buffer: &'a Buffer) -> Self {
        Self { buffer, first: 0 }
    }
}

/// A norm with its weights, each `[columns]`.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub weight: &'a Buffer,
    /// LayerNorm has one, RMSNorm has none.
    pub bias: Option<&'a Buffer>,
    pub epsilon: f32,
}

impl<'a> Norm<'a> {
    /// RMSNorm.
    pub fn rms(weight: &'a Buffer, epsilon: f32) -> Self {
        Self { weight, bias: None, epsilon }
    }
}

impl<K: NormKernel> Recorder<'_, K> {
    /// The norm of each row of the input, `[rows, columns]`.
    pub fn norm(&mut self, norm: Norm<'_>, input: &Buffer, output: &Buffer, shape: (usize, usize)) {
        self.write_norm(norm, input, output, shape, Write::Replace);
    }

    /// Adds the norm of each row of the input to the output, both `[rows, columns]`.
    pub fn add_norm(&mut self, norm: Norm<'_>, input: &Buffer, output: &Buffer, shape: (usize, usize)) {
        self.write_norm(norm, input, output, shape, Write::Add);
    }

    fn write_norm(
        &mut self,
        norm: Norm<'_>,
        input: &Buffer,
        output: &Buffer,
        (rows, columns): (usize, usize),
        write: Write,
    ) {
        let Norm { weight, bias, epsilon } = norm;
        self.dispatch(
            self.kernels.norm(),
            &[(columns / 4).word(), epsilon.word(), bias.is_some().into(), write as u32],
            &[(1, weight), (2, bias.unwrap_or(weight)), (3, input), (4, output)],
            [rows, 1, 1],
        );
    }
}

impl Recorder<'_> {
    /// `gate = activation(gate) * up`, both `[rows, columns]`.
    pub fn gated(
        &mut self,
        activation: Activation,
        (gate, up): (&Buffer, &Buffer),
        rows: usize,
        columns: usize,
    ) {
        let columns4 = columns / 4;
        let kernel = match activation {
            Activation::GatedGelu => &self.kernels.geglu,
            Activation::GatedSilu | Activation::Gelu => &self.kernels.swiglu,
        };
        self.dispatch(kernel, &[columns4.word()], &[(1, up), (2, gate)], [columns4.div_ceil(GROUP), rows, 1]);
    }

    /// GELU in place, by its approximation with tanh, of `[rows, columns]`.
    pub fn gelu(&mut self, values: &Buffer, rows: usize, columns: usize) {
        let columns4 = columns / 4;
        self.dispatch(
            &self.kernels.gelu,
            &[columns4.word()],
            &[(1, values)],
            [columns4.div_ceil(GROUP), rows, 1],
        );
    }

    /// `values[t] += positions[first + t]` for `count` rows of `columns` columns.
    pub fn add_positions(&mut self, positions: Rows<'_>, values: &Buffer, count: usize, columns: usize) {
        let columns4 = columns / 4;
        self.dispatch(
            &self.kernels.add_positions,
            &[columns4, positions.first].map(Parameter::word),
            &[(1, positions.buffer), (2, values)],
            [columns4.div_ceil(GROUP), count, 1],
        );
    }
}

/// What an operation does with what its output holds, as shaders have it.
#[derive(Clone, Copy)]
pub(super) enum Write {
    Replace = 0,
    Add = 1,
}

/// A parameter of a kernel as the word that its uniform holds.
trait Parameter {
    fn word(self) -> u32;
}

impl Parameter for usize {
    fn word(self) -> u32 {
        // Shapes and positions are far below 2^32: buffers hold at most 2^27 bytes.
        self as u32
    }
}

impl Parameter for f32 {
    fn word(self) -> u32 {
        self.to_bits()
    }
}
