//! The models of a pack among its files, in parts.

use mome_pack::{Digest, Link, ModelReference, Pooling, ReaderReference, RerankerReference};
use mome_retrieval::Reader as _;

use super::error::WriteError;
use super::writer::PackWriter;
use crate::Models;

/// A model is published in parts of this many bytes.
const MODEL_PART: usize = 4 * 1024 * 1024;

/// Writes the backbone.
///
/// # Errors
/// [`WriteError`] where a part cannot be written.
pub(crate) fn write_backbone(writer: &PackWriter<'_>, models: &Models) -> Result<ModelReference, WriteError> {
    let backbone = models.executor.backbone();
    let config = backbone.config();
    let shape = (config.architecture.as_str(), config.hidden, backbone.vocabulary_digest());
    write_model(writer, backbone.name(), shape, &models.backbone)
}

/// Writes encoder and reranker.
///
/// # Errors
/// [`WriteError`] where a part cannot be written.
pub(crate) fn write_reader(writer: &PackWriter<'_>, models: &Models) -> Result<ReaderReference, WriteError> {
    let encoder = models.reader.executor().encoder();
    let config = encoder.config();
    let shape = (
        encoder.file().architecture().unwrap_or_default(),
        config.block.hidden,
        encoder.tokenizer().vocabulary_digest(),
    );
    let files = &models.reader_files;
    let reranker = files.reranker.as_deref().map(|file| {
        Ok::<_, WriteError>(RerankerReference { digest: Digest::of(file), parts: write_parts(writer, file)? })
    });
    Ok(ReaderReference {
        encoder: write_model(writer, encoder.name(), shape, &files.encoder)?,
        reranker: reranker.transpose()?,
        prefix: models.reader.description().prefix.clone(),
        pooling: match config.pooling {
            mome_backbone::Pooling::Mean => Pooling::Mean,
            mome_backbone::Pooling::Cls => Pooling::Cls,
        },
        gate: models.reader_gate.clone(),
    })
}

fn write_model(
    writer: &PackWriter<'_>,
    name: &str,
    (architecture, hidden, vocabulary): (&str, usize, [u8; 32]),
    file: &[u8],
) -> Result<ModelReference, WriteError> {
    Ok(ModelReference {
        digest: Digest::of(file),
        name: name.to_owned(),
        architecture: architecture.to_owned(),
        hidden: hidden as u32,
        vocabulary: Digest(vocabulary),
        parts: write_parts(writer, file)?,
    })
}

fn write_parts(writer: &PackWriter<'_>, file: &[u8]) -> Result<Vec<Link>, WriteError> {
    file.chunks(MODEL_PART).map(|part| writer.object(part)).collect()
}
