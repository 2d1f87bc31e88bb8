//! Writes GGUF files, version 3: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::io::{self, Write};

/// Where tensors begin is a multiple of this: the format's default.
const ALIGNMENT: usize = 32;

/// A metadata value of one of the types that the models need.
pub enum Value {
    /// `UINT32`
    U32(u32),
    /// `FLOAT32`
    F32(f32),
    /// `STRING`
    Text(String),
    /// An array of `STRING`.
    Texts(Vec<String>),
    /// An array of `INT32`.
    Integers(Vec<i32>),
}

/// How the numbers of a tensor are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Plain 32-bit floats.
    F32,
    /// Blocks of 32 weights of 4 bits with a half-precision scale.
    Q4_0,
    /// Blocks of 32 weights of 8 bits with a half-precision scale.
    Q8_0,
}

impl Kind {
    /// Its number in the format.
    fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::Q4_0 => 2,
            Self::Q8_0 => 8,
        }
    }

    /// Length of `count` numbers in bytes.
    pub fn bytes(self, count: usize) -> usize {
        match self {
            Self::F32 => 4 * count,
            Self::Q4_0 => count / 32 * 18,
            Self::Q8_0 => count / 32 * 34,
        }
    }
}

/// A tensor: its data are written separately.
pub struct Tensor {
    /// Its name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// How its numbers are stored.
    pub kind: Kind,
    /// Its dimensions, the contiguous one (columns) first.
    pub shape: Vec<usize>,
}

impl Tensor {
    /// Length of the data in bytes.
    pub fn bytes(&self) -> usize {
        self.kind.bytes(self.shape.iter().product())
    }
}

/// Writes a whole file. `data` gives a tensor's data, [`Tensor::bytes`] of them.
///
/// # Errors
/// What writing reports.
pub fn write(
    out: &mut impl Write,
    metadata: &[(&str, Value)],
    tensors: &[Tensor],
    mut data: impl FnMut(&Tensor) -> Vec<u8>,
) -> io::Result<()> {
    let mut head = Head(b"GGUF".to_vec());
    head.u32(3);
    head.u64(tensors.len());
    head.u64(metadata.len());
    for (key, value) in metadata {
        head.text(key);
        head.value(value);
    }
    let mut offset = 0usize;
    for tensor in tensors {
        head.text(&tensor.name);
        head.u32(tensor.shape.len() as u32);
        for dimension in &tensor.shape {
            head.u64(*dimension);
        }
        head.u32(tensor.kind.number());
        head.u64(offset);
        offset = (offset + tensor.bytes()).next_multiple_of(ALIGNMENT);
    }
    write_padded(out, &head.0)?;
    for tensor in tensors {
        write_padded(out, &data(tensor))?;
    }
    Ok(())
}

/// Writes bytes, and zeros up to the next multiple of [`ALIGNMENT`].
fn write_padded(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.write_all(&[0; ALIGNMENT][..bytes.len().next_multiple_of(ALIGNMENT) - bytes.len()])
}

/// Everything before the tensors' data.
struct Head(Vec<u8>);

impl Head {
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn u64(&mut self, value: usize) {
        self.0.extend((value as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len());
        self.0.extend(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        const ARRAY: u32 = 9;
        match value {
            Value::U32(value) => {
                self.u32(4);
                self.u32(*value);
            }
            Value::F32(value) => {
                self.u32(6);
                self.0.extend(value.to_le_bytes());
            }
            Value::Text(text) => {
                self.u32(8);
                self.text(text);
            }
            Value::Texts(texts) => {
                self.u32(ARRAY);
                self.u32(8);
                self.u64(texts.len());
                for text in texts {
                    self.text(text);
                }
            }
            Value::Integers(values) => {
                self.u32(ARRAY);
                self.u32(5);
                self.u64(values.len());
                self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
}
