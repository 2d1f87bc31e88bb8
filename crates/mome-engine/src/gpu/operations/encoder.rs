//! The operations of encoders: what they do to whole texts.

use wgpu::Buffer;

use super::{GROUP, Heads, Parameter};
use crate::gpu::encoder::EncoderKernels;
use crate::gpu::kernels::Lanes;
use crate::gpu::recorder::Recorder;

/// What becomes of a text's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gpu) enum Pool {
    /// Their mean.
    Mean,
    /// The first.
    First,
}

/// Columns of a wider matrix.
#[derive(Clone, Copy)]
pub(in crate::gpu) struct Columns<'a> {
    pub buffer: &'a Buffer,
    /// Of the whole matrix.
    pub all: usize,
    pub first: usize,
}

impl Recorder<'_, EncoderKernels> {
    /// `values[t] += positions[places[t].position] + types[places[t].type]` for `count` tokens of `columns` columns.
    pub fn add_embeddings(
        &mut self,
        places: &Buffer,
        (positions, types): (&Buffer, &Buffer),
        values: &Buffer,
        (count, columns): (usize, usize),
    ) {
        let columns4 = columns / 4;
        self.dispatch(
            &self.kernels.add_embeddings,
            &[columns4.word()],
            &[(1, places), (2, positions), (3, types), (4, values)],
            [columns4.div_ceil(GROUP), count, 1],
        );
    }

    /// Attention of each of `count` tokens to all of its text, as `places` tell. Heads have keys of their own.
    pub fn text_attention(
        &mut self,
        heads: Heads,
        places: &Buffer,
        [queries, keys, values, output]: [&Buffer; 4],
        count: usize,
    ) {
        let parameters = [
            count.word(),
            0,
            heads.query_heads.word(),
            heads.kv_heads.word(),
            (heads.width / 4).word(),
            (heads.width as f32).sqrt().recip().word(),
            1,
            count.word(),
        ];
        let groups = match self.kernels.lanes {
            Lanes::Alone => [(heads.query_heads * count).div_ceil(8), 1, 1],
            Lanes::Together => [heads.query_heads, count, 1],
        };
        let bindings = [(1, queries), (2, keys), (3, values), (4, output), (5, places)];
        self.dispatch(&self.kernels.text_attention, &parameters, &bindings, groups);
    }

    /// GELU in place, as it is defined, of `[rows, columns]`.
    pub fn gelu_erf(&mut self, values: &Buffer, rows: usize, columns: usize) {
        let columns4 = columns / 4;
        self.dispatch(
            &self.kernels.gelu_erf,
            &[columns4.word()],
            &[(1, values)],
            [columns4.div_ceil(GROUP), rows, 1],
        );
    }

    /// Pools the states of each of `count` texts into a row of the output; `columns` are those of a state.
    pub fn pool(
        &mut self,
        pool: Pool,
        texts: &Buffer,
        (states, columns): (&Buffer, usize),
        output: Columns<'_>,
        count: usize,
    ) {
        let columns4 = columns / 4;
        let mean = u32::from(pool == Pool::Mean);
        self.dispatch(
            &self.kernels.pool,
            &[columns4.word(), (output.all / 4).word(), (output.first / 4).word(), mean],
            &[(1, texts), (2, states), (3, output.buffer)],
            [columns4.div_ceil(GROUP), count, 1],
        );
    }

    /// Scales each row to length one, in place.
    pub fn unit_length(&mut self, rows: &Buffer, (count, columns): (usize, usize)) {
        self.dispatch(&self.kernels.unit_length, &[(columns / 4).word()], &[(1, rows)], [count, 1, 1]);
    }
}
