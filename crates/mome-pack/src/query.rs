//! The query object: how a backbone attends to answer slots.

use crate::bytes::{Reader, Writer, floats};
use crate::{Digest, KEY_WIDTH, PackError};

const OBJECT: &str = "query";
const MAGIC: [u8; 4] = *b"MMQY";
const VERSION: u32 = 1;
const MAX_HIDDEN: u32 = 1 << 20;

/// W_query and the constants of the attention over slots, made for one backbone.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// SHA-256 of the backbone's file.
    pub backbone: Digest,
    /// W_query, `[KEY_WIDTH, d]`.
    pub projection: Projection,
    /// How slots are attended to.
    pub attention: Attention,
}

/// A matrix in eight bits a value, with a scale for each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// How many columns; the rows are as many as there are scales.
    pub columns: usize,
    /// `[rows]`: what a value of the row is multiplied with.
    pub scales: Vec<f32>,
    /// `[rows, columns]`, row by row.
    pub values: Vec<i8>,
}

/// Strengths of the parts of the attention over slots: slot j of expert e scores
/// `beta q.k_j + b_e - gamma |place expected - place of j|`, and null scores `null`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Sharpness of the match between query and key.
    pub beta: f32,
    /// Penalty for each place between the slot and the one expected next.
    pub gamma: f32,
    /// Score of attending to nothing.
    pub null: f32,
    /// By how much null must lead for the backbone's logits to stand.
    pub margin: f32,
    /// The least bias of the expert that the gate accepted.
    pub accepted: f32,
    /// The largest bias that the gate gives.
    pub cap: f32,
}

impl Query {
    /// The backbone's hidden size, d.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.projection.columns
    }

    /// The object's bytes.
    ///
    /// # Errors
    /// [`PackError::Field`] where W_query has another number of rows than [`KEY_WIDTH`].
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        if self.projection.rows() != KEY_WIDTH {
            let problem = format!("has {} rows, not {KEY_WIDTH}", self.projection.rows());
            return Err(PackError::field(OBJECT, "W_query", problem));
        }
        self.attention.check()?;
        let mut writer = Writer::new(OBJECT);
        writer.header(MAGIC, VERSION);
        writer.raw(&self.backbone.0);
        writer.count32(self.hidden(), "hidden size")?;
        writer.f32s(&self.attention.fields());
        self.projection.write(&mut writer);
        Ok(writer.finish())
    }

    /// Reads a query object.
    ///
    /// # Errors
    /// [`PackError`] naming what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        let reader = &mut Reader::new(OBJECT, bytes);
        reader.header(MAGIC, VERSION)?;
        let backbone = Digest(reader.array("digest of the backbone")?);
        let hidden = reader.u32("hidden size")?;
        if hidden == 0 || hidden > MAX_HIDDEN {
            let problem = format!("is {hidden}, not from 1 to {MAX_HIDDEN}");
            return Err(PackError::field(OBJECT, "hidden size", problem));
        }
        let attention = Attention::from_fields(floats(reader, "attention")?);
        attention.check()?;
        let projection = Projection::read(reader, KEY_WIDTH, hidden as usize, "W_query")?;
        reader.finish()?;
        Ok(Self { backbone, projection, attention })
    }
}

impl Projection {
    /// Quantises a matrix `[values.len() / columns, columns]`, given row by row.
    ///
    /// # Panics
    /// Where `values` is not a whole number of rows.
    #[must_use]
    pub fn quantize(values: &[f32], columns: usize) -> Self {
        assert_eq!(values.len() % columns, 0, "a projection has whole rows");
        let largest = |row: &[f32]| row.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let scales: Vec<f32> =
            values.chunks_exact(columns).map(|row| largest(row).max(1e-30) / 127.0).collect();
        let values = values
            .chunks_exact(columns)
            .zip(&scales)
            .flat_map(|(row, scale)| row.iter().map(move |x| (x / scale).round() as i8))
            .collect();
        Self { columns, scales, values }
    }

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// The matrix in floats, row by row.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        self.values
            .chunks_exact(self.columns)
            .zip(&self.scales)
            .flat_map(|(row, scale)| row.iter().map(move |&x| f32::from(x) * scale))
            .collect()
    }

    fn write(&self, writer: &mut Writer) {
        writer.f32s(&self.scales);
        self.values.iter().for_each(|&x| writer.raw(&[x as u8]));
    }

    fn read(
        reader: &mut Reader<'_>,
        rows: usize,
        columns: usize,
        field: &'static str,
    ) -> Result<Self, PackError> {
        let scales = reader.f32s(rows, field)?;
        let values = reader.take(rows * columns, field)?.iter().map(|&x| x as i8).collect();
        Ok(Self { columns, scales, values })
    }
}

impl Attention {
    fn fields(&self) -> [f32; 6] {
        [self.beta, self.gamma, self.null, self.margin, self.accepted, self.cap]
    }

    /// Refuses biases of accepted experts that no bias can lie between.
    fn check(&self) -> Result<(), PackError> {
        if self.accepted > self.cap {
            let problem =
                format!("gives an accepted expert at least {} and at most {}", self.accepted, self.cap);
            return Err(PackError::field(OBJECT, "attention", problem));
        }
        Ok(())
    }

    fn from_fields([beta, gamma, null, margin, accepted, cap]: [f32; 6]) -> Self {
        Self { beta, gamma, null, margin, accepted, cap }
    }
}
