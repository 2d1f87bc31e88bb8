//! Weights made on the spot, of the types that a file has.

use half::{bf16, f16};
use mome_backbone::{Linear, MatrixSource, Norm, TensorType};

/// A matrix as a file would have it.
pub(crate) struct SmallMatrix {
    /// The type of its elements.
    pub kind: TensorType,
    /// Rows.
    pub rows: usize,
    /// Elements of a row.
    pub columns: usize,
    /// Whole blocks, row by row.
    pub data: Vec<u8>,
}

impl SmallMatrix {
    /// Its elements, row by row.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.columns];
        self.kind.dequantize(&self.data, &mut values);
        values
    }
}

/// Makes weights, each like one of a file, whose type `kind` tells.
pub(super) struct Maker<K> {
    numbers: Numbers,
    kind: K,
}

impl<K: Fn(&MatrixSource) -> TensorType> Maker<K> {
    /// Always makes the same weights.
    pub fn new(kind: K) -> Self {
        Self { numbers: Numbers::new(), kind }
    }

    /// A norm of vectors of that width.
    pub fn norm<V>(&mut self, like: &Norm<V>, width: usize) -> Norm<Vec<f32>> {
        let weight = self.vector(1.0, width);
        Norm { weight, bias: like.bias.as_ref().map(|_| self.vector(0.0, width)) }
    }

    /// A linear layer of that shape.
    pub fn linear<V>(
        &mut self,
        like: &Linear<MatrixSource, V>,
        shape: [usize; 2],
    ) -> Linear<SmallMatrix, Vec<f32>> {
        let weight = self.matrix(&like.weight, shape);
        Linear { weight, bias: like.bias.as_ref().map(|_| self.vector(0.0, shape[0])) }
    }

    /// Numbers around `center`.
    pub fn vector(&mut self, center: f32, length: usize) -> Vec<f32> {
        (0..length).map(|_| center + 0.5 * self.numbers.unit()).collect()
    }

    /// Numbers such that a product with numbers of size one has such numbers again.
    pub fn matrix(&mut self, like: &MatrixSource, [rows, columns]: [usize; 2]) -> SmallMatrix {
        let kind = (self.kind)(like);
        let size = (columns as f32).sqrt().recip();
        let numbers = &mut self.numbers;
        let data: Vec<u8> = match kind {
            TensorType::F32 => {
                (0..rows * columns).flat_map(|_| (2.0 * size * numbers.unit()).to_le_bytes()).collect()
            }
            TensorType::F16 => (0..rows * columns)
                .flat_map(|_| f16::from_f32(2.0 * size * numbers.unit()).to_le_bytes())
                .collect(),
            TensorType::BF16 => (0..rows * columns)
                .flat_map(|_| bf16::from_f32(2.0 * size * numbers.unit()).to_le_bytes())
                .collect(),
            quantized => blocks(quantized, rows * columns / kind.block_len(), size, numbers),
        };
        SmallMatrix { kind, rows, columns, data }
    }
}

/// Random blocks whose elements have a root mean square of `size`: every byte is drawn, and then the scales are set.
fn blocks(kind: TensorType, count: usize, size: f32, numbers: &mut Numbers) -> Vec<u8> {
    let mut data: Vec<u8> = (0..count * kind.block_bytes()).map(|_| numbers.below(256) as u8).collect();
    let mut scale = |data: &mut [u8], scale: f32| {
        for block in data.chunks_mut(kind.block_bytes()) {
            for at in scale_places(kind) {
                let signed = if numbers.below(2) == 0 { scale } else { -scale };
                block[*at..at + 2].copy_from_slice(&f16::from_f32(signed).to_le_bytes());
            }
        }
    };
    scale(&mut data, 1.0);
    let mut values = vec![0.0; count * kind.block_len()];
    kind.dequantize(&data, &mut values);
    let mean_square = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
    scale(&mut data, size / mean_square.sqrt());
    data
}

/// Where in a block of a quantised type its half-precision scales and minimums are.
pub(crate) fn scale_places(kind: TensorType) -> &'static [usize] {
    match kind {
        TensorType::Q4_1 | TensorType::Q5_1 | TensorType::Q4_K | TensorType::Q5_K => &[0, 2],
        TensorType::Q2_K => &[80, 82],
        TensorType::Q3_K => &[108],
        TensorType::Q6_K => &[208],
        _ => &[0],
    }
}

/// Pseudo-random numbers (xorshift), always the same ones.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `limit`.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        ((self.next() >> 33) % u64::from(limit)) as u32
    }

    /// From -1 to 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}
