//! The table of tensors.

use std::ops::Range;

use super::GgufError;
use super::reader::Reader;
use crate::TensorType;

/// The most dimensions that a tensor may have.
const MAX_DIMENSIONS: u32 = 4;

/// Where a tensor is and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// How its numbers are stored.
    pub kind: TensorType,
    /// Its dimensions, the contiguous one (columns) first.
    pub shape: Vec<u64>,
    /// Its bytes in the file.
    pub range: Range<u64>,
}

impl TensorInfo {
    /// Elements in a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.shape.first().map_or(0, |columns| *columns as usize)
    }

    /// Number of rows: the product of all dimensions but the first.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape.iter().skip(1).product::<u64>() as usize
    }

    /// How many bytes its data take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.range.end - self.range.start) as usize
    }
}

/// A line of the tensor table, before it is known where the data begin.
pub(super) struct TensorHeader {
    name: String,
    kind: TensorType,
    shape: Vec<u64>,
    bytes: u64,
    offset: u64,
}

/// Reads the table of `count` tensors.
pub(super) fn read_tensor_headers(
    reader: &mut Reader<'_>,
    count: u64,
) -> Result<Vec<TensorHeader>, GgufError> {
    // Name length, number of dimensions, one dimension, type, offset.
    reader.check_count(count, 8 + 4 + 8 + 4 + 8, "the tensor table")?;
    (0..count).map(|_| read_tensor_header(reader)).collect()
}

fn read_tensor_header(reader: &mut Reader<'_>) -> Result<TensorHeader, GgufError> {
    let name = reader.string("a tensor name")?;
    let dimensions = reader.u32(&name)?;
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        let problem = format!("it has {dimensions} dimensions, not 1 to {MAX_DIMENSIONS}");
        return Err(GgufError::Shape { tensor: name, problem });
    }
    let shape = (0..dimensions).map(|_| reader.u64(&name)).collect::<Result<Vec<_>, _>>()?;
    let id = reader.u32(&name)?;
    let offset = reader.u64(&name)?;
    let Some(kind) = TensorType::from_ggml_id(id) else {
        return Err(GgufError::TensorType { tensor: name, id });
    };
    match tensor_bytes(kind, &shape) {
        Ok(bytes) => Ok(TensorHeader { name, kind, shape, bytes, offset }),
        Err(problem) => Err(GgufError::Shape { tensor: name, problem }),
    }
}

/// How many bytes a tensor takes; the error says what is wrong with its shape.
fn tensor_bytes(kind: TensorType, shape: &[u64]) -> Result<u64, String> {
    if shape.contains(&0) {
        return Err(format!("its shape {shape:?} has a dimension of 0"));
    }
    let block_len = kind.block_len() as u64;
    let columns = shape[0];
    if !columns.is_multiple_of(block_len) {
        return Err(format!("rows of {columns} are not whole blocks of {block_len} ({})", kind.name()));
    }
    shape[1..]
        .iter()
        .try_fold(columns / block_len, |blocks, dimension| blocks.checked_mul(*dimension))
        .and_then(|blocks| blocks.checked_mul(kind.block_bytes() as u64))
        .ok_or_else(|| format!("its shape {shape:?} is absurdly large"))
}

/// Turns offsets into places in the file: `head` is the length of everything before the data.
pub(super) fn place_tensors(
    headers: Vec<TensorHeader>,
    head: usize,
    file: u64,
    alignment: u64,
) -> Result<Vec<TensorInfo>, GgufError> {
    let data = (head as u64).next_multiple_of(alignment);
    let place = |header: TensorHeader| {
        let end = data.checked_add(header.offset).and_then(|start| start.checked_add(header.bytes));
        match end {
            Some(end) if end <= file && header.offset.is_multiple_of(alignment) => {
                let range = end - header.bytes..end;
                Ok(TensorInfo { name: header.name, kind: header.kind, shape: header.shape, range })
            }
            _ => Err(GgufError::Offset { tensor: header.name, offset: header.offset, bytes: header.bytes }),
        }
    };
    let tensors = headers.into_iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let mut by_place: Vec<&TensorInfo> = tensors.iter().collect();
    by_place.sort_by_key(|tensor| tensor.range.start);
    for pair in by_place.windows(2) {
        if pair[0].range.end > pair[1].range.start {
            return Err(GgufError::Overlap { first: pair[0].name.clone(), second: pair[1].name.clone() });
        }
    }
    Ok(tensors)
}
