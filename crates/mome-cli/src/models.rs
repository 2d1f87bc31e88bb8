//! The models that come with the command, and others from files.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use mome::{EncoderReader, ReaderFiles};
use mome_build::{Models, small_reader};
use mome_engine::{Executor, OpenOptions, open, open_encoder};
use mome_pack::Query;

use crate::output::Failure;

/// The file of the backbone that comes with the command, and its query object.
const BACKBONE: &[u8] = include_bytes!("../../mome-backbone/data/mome-tiny-q8_0.gguf");
const QUERY: &[u8] = include_bytes!("../../mome-backbone/data/mome-tiny-q8_0.query");

/// The files of the reader that comes with it.
const ENCODER: &[u8] = include_bytes!("../../mome-backbone/data/all-minilm-l6-v2-q8_0.gguf");
const RERANKER: &[u8] = include_bytes!("../../mome-backbone/data/reranker-q8_0.gguf");

/// The gates of that reader and of its small form.
const GATE: &[u8] = include_bytes!("../../mome-backbone/data/reader.gate.json");
const SMALL_GATE: &[u8] = include_bytes!("../../mome-backbone/data/reader-small.gate.json");

/// What names the small form in place of a file.
const SMALL: &str = "small";

/// Which models a pack is made with.
#[derive(Args)]
pub(crate) struct ModelArguments {
    /// The language model that speaks, GGUF [default: the one that comes with this command]
    #[arg(long, value_name = "FILE", conflicts_with = "into")]
    backbone: Option<PathBuf>,
    /// The query object of that model, as `mome query` makes it [default: made from the facts, or the one that comes
    /// with this command, where the model does]
    #[arg(long, value_name = "FILE", conflicts_with = "into")]
    query: Option<PathBuf>,
    #[command(flatten)]
    reader: ReaderArguments,
    /// The gate of that encoder and reranker, as `mome gate` makes it; without one a pack with few wordings answers
    /// stored ones alone
    #[arg(long, value_name = "FILE", requires = "encoder")]
    gate: Option<PathBuf>,
}

/// What reads.
#[derive(Args)]
pub(crate) struct ReaderArguments {
    /// The sentence encoder that reads, GGUF, or `small`: the default one with its reranker in 24 MB in place of 33
    /// [default: the one that comes with this command]
    #[arg(long = "reader", id = "encoder", value_name = "FILE")]
    encoder: Option<PathBuf>,
    /// The reranker of that encoder, GGUF; without one a pack does not see what one changed word means
    #[arg(long, value_name = "FILE", requires = "encoder")]
    reranker: Option<PathBuf>,
    /// Text that the encoder wants before every question, such as "query: " for E5
    #[arg(long, value_name = "TEXT", requires = "encoder")]
    prefix: Option<String>,
}

impl ReaderArguments {
    fn is_small(&self) -> bool {
        self.encoder.as_deref() == Some(Path::new(SMALL)) && self.reranker.is_none()
    }

    /// Opens the reader on a device; gives its files too.
    pub(crate) fn open(&self, options: OpenOptions) -> Result<(Arc<EncoderReader>, ReaderFiles), Failure> {
        let files = match &self.encoder {
            None => embedded_reader(),
            Some(_) if self.is_small() => small_reader(&embedded_reader())?,
            Some(encoder) => ReaderFiles {
                encoder: read(encoder)?,
                reranker: self.reranker.as_deref().map(read).transpose()?,
            },
        };
        let named = self.encoder.as_deref().unwrap_or(Path::new("the reader of this command"));
        let opened = pollster::block_on(open_encoder(&files.encoder, files.reranker.as_deref(), options))
            .map_err(|error| Failure::Model { file: named.into(), error })?;
        let reader = EncoderReader::new(opened.executor, self.prefix.clone().unwrap_or_default());
        Ok((Arc::new(reader), files))
    }
}

impl ModelArguments {
    /// Opens the models on a device.
    pub(crate) fn open(&self, options: OpenOptions) -> Result<Models, Failure> {
        let backbone = backbone_file(self.backbone.as_deref())?;
        let executor = open_backbone(self.backbone.as_deref(), &backbone, options)?;
        let (reader, reader_files) = self.reader.open(options)?;
        let reader_gate = match &self.gate {
            Some(file) => Some(serde_json::from_slice(&read(file)?)?),
            None if self.reader.encoder.is_none() => Some(serde_json::from_slice(GATE)?),
            None if self.reader.is_small() => Some(serde_json::from_slice(SMALL_GATE)?),
            None => None,
        };
        Ok(Models { executor, query: self.query(&backbone)?, backbone, reader, reader_gate, reader_files })
    }

    /// The query object that is named; else the embedded one, if the backbone is.
    fn query(&self, backbone: &[u8]) -> Result<Option<Query>, Failure> {
        let (file, bytes) = match &self.query {
            Some(file) => (file.as_path(), read(file)?),
            None if backbone == BACKBONE => (Path::new("the query object of this command"), QUERY.into()),
            None => return Ok(None),
        };
        Query::decode(&bytes).map(Some).map_err(|error| Failure::Query { file: file.into(), error })
    }
}

/// The backbone that comes with the command.
pub(crate) fn embedded_backbone() -> Cow<'static, [u8]> {
    Cow::Borrowed(BACKBONE)
}

/// The reader that comes with the command.
pub(crate) fn embedded_reader() -> ReaderFiles {
    ReaderFiles { encoder: Cow::Borrowed(ENCODER), reranker: Some(Cow::Borrowed(RERANKER)) }
}

/// The bytes of this backbone's file; of the one that comes with the command where none is named.
pub(crate) fn backbone_file(file: Option<&Path>) -> Result<Cow<'static, [u8]>, Failure> {
    file.map_or_else(|| Ok(embedded_backbone()), read)
}

/// Puts a backbone on a device; `file` is what [`backbone_file`] was asked for.
pub(crate) fn open_backbone(
    file: Option<&Path>,
    bytes: &[u8],
    options: OpenOptions,
) -> Result<Arc<dyn Executor>, Failure> {
    let named = file.unwrap_or(Path::new("the backbone of this command"));
    let opened = pollster::block_on(open(bytes, options));
    Ok(opened.map_err(|error| Failure::Model { file: named.into(), error })?.executor)
}

fn read(file: &Path) -> Result<Cow<'static, [u8]>, Failure> {
    fs::read(file).map(Cow::Owned).map_err(|error| Failure::File { file: file.into(), error })
}
