//! A reranker: a cross-encoder that reads a question and a stored wording in one pass. Its embeddings and lower layers
//! are those of an encoder, named by digest; its file has the upper layers and a head.
//!
//! The head reads `h = [state of CLS; mean of all states]`: logits are `W_out gelu(W_hidden h + b) + b`.

use thiserror::Error;

use crate::config_error::ConfigError;
use crate::section::Section;
use crate::tensors::Tensors;
use crate::transformer::{Linear, MatrixSource, VectorSource};
use crate::{Encoder, EncoderBlock, EncoderBlockShape, Gguf, GgufError, ModelFile, ModelKind, WrongKind};

/// `general.architecture` of rerankers.
pub(crate) const ARCHITECTURE: &str = "mome-reranker";

/// The widest hidden layer that a head may have.
const MAX_RANK_WIDTH: usize = 1 << 14;

/// Why a file cannot be used as a reranker.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RerankerError {
    /// The container cannot be read.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// The model is no reranker.
    #[error(transparent)]
    Kind(#[from] WrongKind),
    /// An architecture that the engine does not know.
    #[error("architecture {0} is not supported for rerankers; {ARCHITECTURE} is")]
    Architecture(String),
    /// The model cannot be run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The reranker was made for another encoder.
    #[error("the reranker belongs to the encoder {}, not to this one, {}", hex(wanted), hex(found))]
    OtherEncoder {
        /// SHA-256 of the encoder that the reranker names.
        wanted: [u8; 32],
        /// SHA-256 of the encoder at hand.
        found: [u8; 32],
    },
    /// The reranker names this encoder, but cannot stand on it.
    #[error("the reranker does not fit its encoder: {0}")]
    Shape(String),
}

/// Classes that the head tells apart: same, changed, other.
pub(crate) const CLASSES: usize = 3;

/// A reranker as the head of its file describes it.
#[derive(Debug)]
pub struct Reranker {
    file: ModelFile,
    config: RerankerConfig,
    weights: RerankerWeights<MatrixSource, VectorSource>,
}

/// The shape of a reranker.
#[derive(Clone, Debug, PartialEq)]
pub struct RerankerConfig {
    /// SHA-256 of the encoder's file.
    pub encoder: [u8; 32],
    /// The shape of each block.
    pub block: EncoderBlockShape,
    /// How many of the encoder's blocks come before the reranker's own.
    pub first_layer: usize,
    /// How many blocks a pair goes through, the encoder's included.
    pub layers: usize,
    /// Width of the head's hidden layer.
    pub rank_width: usize,
}

/// The weights of a reranker: matrices of type `M`, vectors of type `V`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerankerWeights<M, V> {
    /// The blocks after the encoder's, in order.
    pub blocks: Vec<EncoderBlock<M, V>>,
    /// `[rank width, 2 d]`
    pub hidden: Linear<M, V>,
    /// `[3, rank width]`: same, changed, other.
    pub output: Linear<M, V>,
}

impl Reranker {
    /// Reads the head of a GGUF file of `file` bytes from its first bytes; `None` where the head is longer than what
    /// is there.
    ///
    /// # Errors
    /// [`RerankerError`], where the file is damaged or holds what is not supported.
    pub fn read_head(bytes: &[u8], file: u64) -> Result<Option<Self>, RerankerError> {
        let Some(file) = ModelFile::read_head(bytes, file)? else { return Ok(None) };
        file.refuse_other_than(ModelKind::Reranker)?;
        let architecture = file.architecture()?;
        if architecture != ARCHITECTURE {
            return Err(RerankerError::Architecture(architecture.to_owned()));
        }
        let config = RerankerConfig::read(file.gguf())?;
        let weights = RerankerWeights::find(file.gguf(), &config)?;
        Ok(Some(Self { file, config, weights }))
    }

    /// Reads the head of a file that is wholly at hand, and takes its digest.
    ///
    /// # Errors
    /// As [`Reranker::read_head`].
    pub fn from_bytes(file: &[u8]) -> Result<Self, RerankerError> {
        ModelFile::read_whole(file, Self::read_head, |reranker, digest| reranker.file.identify(digest))
    }

    /// Refuses an encoder other than the one that this reranker stands on.
    ///
    /// # Errors
    /// [`RerankerError::OtherEncoder`] where the encoder's digest is known and another, [`RerankerError::Shape`] where
    /// the layers do not fit together.
    pub fn check_encoder(&self, encoder: &Encoder) -> Result<(), RerankerError> {
        let (wanted, own, other) = (self.config.encoder, &self.config, encoder.config());
        if let Some(found) = encoder.digest().filter(|found| *found != wanted) {
            return Err(RerankerError::OtherEncoder { wanted, found });
        }
        for (what, own, other) in [
            ("columns", own.block.hidden, other.block.hidden),
            ("attention heads", own.block.heads, other.block.heads),
        ] {
            if own != other {
                return Err(RerankerError::Shape(format!("it has {own} {what}, the encoder {other}")));
            }
        }
        if own.first_layer > other.layers {
            let problem =
                format!("it begins after layer {}, the encoder has {}", own.first_layer, other.layers);
            return Err(RerankerError::Shape(problem));
        }
        Ok(())
    }

    /// The file: its metadata, its tensors, its name and digest.
    #[must_use]
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &RerankerConfig {
        &self.config
    }

    /// The model's own layers, and where in the file their weights are.
    #[must_use]
    pub fn weights(&self) -> &RerankerWeights<MatrixSource, VectorSource> {
        &self.weights
    }

    /// What the reranker is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// SHA-256 of the file; `None` until all of it has been seen.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.file.digest()
    }
}

impl RerankerConfig {
    fn read(gguf: &Gguf) -> Result<Self, ConfigError> {
        let section = Section { gguf, architecture: ARCHITECTURE };
        let missing = |name: &str| GgufError::Missing(section.key(name));
        let digest = gguf.string(&section.key("encoder"))?.ok_or_else(|| missing("encoder"))?;
        let encoder = from_hex(digest).ok_or_else(|| {
            section.bad("encoder", digest, "it should be a SHA-256 in 64 hexadecimal digits".to_owned())
        })?;
        let layers = section.required("block_count", 1 << 12)?;
        let first_layer =
            gguf.unsigned(&section.key("first_layer"))?.ok_or_else(|| missing("first_layer"))?;
        if first_layer > layers as u64 {
            let problem = format!("it is beyond the {layers} blocks that there are");
            return Err(section.bad("first_layer", first_layer, problem));
        }
        let rank_width = gguf.tensor("rank.hidden.weight").map_or(1, crate::TensorInfo::rows);
        if rank_width > MAX_RANK_WIDTH {
            let problem = format!("{rank_width} rows are more than {MAX_RANK_WIDTH}");
            return Err(ConfigError::Tensor { name: "rank.hidden.weight".to_owned(), problem });
        }
        let block = EncoderBlockShape::read(&section)?;
        Ok(Self { encoder, block, first_layer: first_layer as usize, layers, rank_width })
    }
}

impl RerankerWeights<MatrixSource, VectorSource> {
    fn find(gguf: &Gguf, config: &RerankerConfig) -> Result<Self, ConfigError> {
        let mut tensors = Tensors::new(gguf);
        let (hidden, width) = (config.block.hidden, config.rank_width);
        let weights = Self {
            blocks: (config.first_layer..config.layers)
                .map(|index| EncoderBlock::find(&mut tensors, &config.block, index))
                .collect::<Result<_, _>>()?,
            hidden: tensors.linear("rank.hidden", width, 2 * hidden, true)?,
            output: tensors.linear("rank.out", CLASSES, width, true)?,
        };
        tensors.refuse_unused(ARCHITECTURE)?;
        Ok(weights)
    }
}

impl<M, V> RerankerWeights<M, V> {
    /// The same layers with other weights: each matrix through `matrix`, each vector through `vector`, in the order
    /// in which a forward pass comes by them.
    ///
    /// # Errors
    /// The first error of either.
    pub fn try_map<N, W, E>(
        &self,
        mut matrix: impl FnMut(&M) -> Result<N, E>,
        mut vector: impl FnMut(&V) -> Result<W, E>,
    ) -> Result<RerankerWeights<N, W>, E> {
        Ok(RerankerWeights {
            blocks: self
                .blocks
                .iter()
                .map(|block| block.try_map(&mut matrix, &mut vector))
                .collect::<Result<_, E>>()?,
            hidden: self.hidden.try_map(&mut matrix, &mut vector)?,
            output: self.output.try_map(&mut matrix, &mut vector)?,
        })
    }
}

/// A digest in hexadecimal digits.
fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A digest of 64 hexadecimal digits.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}
