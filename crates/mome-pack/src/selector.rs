//! The selector: the trained projections, what judges a match, and the gate, frozen once trained.

use crate::bytes::{Reader, Writer, floats};
use crate::gate::CalibratedGate;
use crate::match_network::MatchNetwork;
use crate::{KEY_WIDTH, PackError, ROUTING_WIDTH};

const OBJECT: &str = "selector";
const MAGIC: [u8; 4] = *b"MMSL";
const VERSION: u32 = 2;
const MAX_LAYERS: usize = 16;

/// Turns a question's hidden states into keys, and says how much to trust the best match. `D` is the width of
/// the states read: the number of layers times the backbone's hidden size `d`.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The layers whose states are read: 0 is the embedding, `l` what block `l` leaves.
    pub layers: Vec<u32>,
    /// The backbone's hidden size, d.
    pub hidden: u32,
    /// `[D]`: the mean of the normalised states, taken off before anything else.
    pub mean: Vec<f32>,
    /// W_route, `[ROUTING_WIDTH, D]`.
    pub route: Projection,
    /// W_read, `[KEY_WIDTH, D]`.
    pub read: Projection,
    /// W_query, `[KEY_WIDTH, d]`.
    pub query: Projection,
    /// `[D]`: what a token's states add to its salience.
    pub salience: Vec<f32>,
    /// Slope and offset of inverse document frequency in a token's salience.
    pub salience_of_idf: [f32; 2],
    /// Weights of routing similarity, coverage of the question and coverage of the keys in a match's score.
    pub mix: [f32; 3],
    /// How slots are attended to.
    pub attention: Attention,
    /// How many wordings the counts were taken over.
    pub wordings: u32,
    /// In how many wordings a token occurs, sorted by token; those in none are left out.
    pub counts: Vec<(u32, u32)>,
    /// What judges the match of a question and a wording token by token.
    pub network: MatchNetwork,
    /// The gate that comes with the selector, for packs that have too few wordings to fit one; `None` where there was
    /// nothing to fit it on.
    pub gate: Option<CalibratedGate>,
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

impl Projection {
    /// Quantises a matrix `[values.len() / columns, columns]`, given row by row.
    ///
    /// # Panics
    /// Where `values` is not a whole number of rows.
    #[must_use]
    pub fn quantise(values: &[f32], columns: usize) -> Self {
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
    pub fn dequantise(&self) -> Vec<f32> {
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

impl Selector {
    /// Width of the states that are read, D.
    #[must_use]
    pub fn width(&self) -> usize {
        self.layers.len() * self.hidden as usize
    }

    /// The selector's bytes.
    ///
    /// # Errors
    /// [`PackError::Field`] where a part has another shape than `hidden` and `layers` say.
    pub fn encode(&self) -> Result<Vec<u8>, PackError> {
        let width = self.width();
        let shapes = [
            ("mean", self.mean.len() == width),
            ("salience", self.salience.len() == width),
            ("W_route", (self.route.rows(), self.route.columns) == (ROUTING_WIDTH, width)),
            ("W_read", (self.read.rows(), self.read.columns) == (KEY_WIDTH, width)),
            ("W_query", (self.query.rows(), self.query.columns) == (KEY_WIDTH, self.hidden as usize)),
        ];
        if let Some((field, _)) = shapes.into_iter().find(|(_, fits)| !fits) {
            return Err(PackError::field(OBJECT, field, "has another shape than hidden size and layers say"));
        }
        let mut writer = Writer::new(OBJECT);
        writer.header(MAGIC, VERSION);
        writer.u32(self.hidden);
        writer.count16(self.layers.len(), "layers")?;
        self.layers.iter().for_each(|&layer| writer.u32(layer));
        writer.f32s(&self.mean);
        self.route.write(&mut writer);
        self.read.write(&mut writer);
        self.query.write(&mut writer);
        writer.f32s(&self.salience);
        writer.f32s(&self.salience_of_idf);
        writer.f32s(&self.mix);
        writer.f32s(&self.attention.fields());
        writer.u32(self.wordings);
        writer.count32(self.counts.len(), "counts")?;
        for &(token, count) in &self.counts {
            writer.u32(token);
            writer.u32(count);
        }
        self.network.write(&mut writer)?;
        writer.u16(self.gate.is_some().into());
        if let Some(gate) = &self.gate {
            gate.write(&mut writer)?;
        }
        Ok(writer.finish())
    }

    /// Reads a selector.
    ///
    /// # Errors
    /// [`PackError`] naming what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, PackError> {
        let reader = &mut Reader::new(OBJECT, bytes);
        reader.header(MAGIC, VERSION)?;
        let hidden = reader.u32("hidden size")?;
        let layers: usize = reader.u16("count of layers")?.into();
        if hidden == 0 || hidden > 1 << 20 || layers == 0 || layers > MAX_LAYERS {
            let problem = format!("of {hidden} with {layers} layers cannot be");
            return Err(PackError::field(OBJECT, "hidden size", problem));
        }
        let layers = (0..layers).map(|_| reader.u32("layers")).collect::<Result<Vec<_>, _>>()?;
        let width = layers.len() * hidden as usize;
        let mean = reader.f32s(width, "mean")?;
        let route = Projection::read(reader, ROUTING_WIDTH, width, "W_route")?;
        let read = Projection::read(reader, KEY_WIDTH, width, "W_read")?;
        let query = Projection::read(reader, KEY_WIDTH, hidden as usize, "W_query")?;
        let salience = reader.f32s(width, "salience")?;
        let salience_of_idf = floats(reader, "salience of inverse document frequency")?;
        let mix = floats(reader, "mix")?;
        let attention = Attention::from_fields(floats(reader, "attention")?);
        let wordings = reader.u32("count of wordings")?;
        let count = reader.u32("count of counts")? as usize;
        reader.expect(count, 8, "counts")?;
        let counts = (0..count)
            .map(|_| Ok((reader.u32("counts")?, reader.u32("counts")?)))
            .collect::<Result<Vec<_>, PackError>>()?;
        if !counts.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(PackError::field(OBJECT, "counts", "are not sorted by token"));
        }
        let network = MatchNetwork::read(reader)?;
        let gate = match reader.u16("presence of a gate")? {
            0 => None,
            1 => Some(CalibratedGate::read(reader)?),
            other => return Err(PackError::field(OBJECT, "presence of a gate", format!("is {other}"))),
        };
        reader.finish()?;
        Ok(Self {
            layers,
            hidden,
            mean,
            route,
            read,
            query,
            salience,
            salience_of_idf,
            mix,
            attention,
            wordings,
            counts,
            network,
            gate,
        })
    }
}

impl Attention {
    fn fields(&self) -> [f32; 6] {
        [self.beta, self.gamma, self.null, self.margin, self.accepted, self.cap]
    }

    fn from_fields([beta, gamma, null, margin, accepted, cap]: [f32; 6]) -> Self {
        Self { beta, gamma, null, margin, accepted, cap }
    }
}
