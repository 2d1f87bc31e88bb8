//! The small form of a reader: its encoder with embeddings and feed-forward layers in Q4_0, the rest as it is, and its
//! reranker on that.
//!
//! It is made of files whose matrices are quantised already, so what it loses comes on top of what that lost.

use std::borrow::Cow;
use std::io;

use mome::ReaderFiles;
use mome_backbone::{
    Encoder, EncoderError, Gguf, NewTensor, Reranker, RerankerError, TensorInfo, TensorType, Value,
    write_gguf,
};
use mome_pack::Digest;
use thiserror::Error;

/// Where a reranker names its encoder.
const ENCODER_OF_RERANKER: &str = "mome-reranker.encoder";

/// Why a reader has no small form.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SmallReaderError {
    /// The encoder cannot be used.
    #[error("the encoder: {0}")]
    Encoder(#[from] EncoderError),
    /// The reranker cannot be used.
    #[error("the reranker: {0}")]
    Reranker(#[from] RerankerError),
    /// A file could not be written.
    #[error("writing a model: {0}")]
    Write(#[from] io::Error),
}

/// The small form of a reader.
///
/// # Errors
/// [`SmallReaderError`] where a file cannot be read, or the reranker is not that of the encoder.
pub fn small_reader(files: &ReaderFiles) -> Result<ReaderFiles, SmallReaderError> {
    let encoder = Encoder::from_bytes(&files.encoder)?;
    let small = small_encoder(&encoder, &files.encoder)?;
    let digest = Digest::of(&small).to_string();
    let on_small = |file: &Cow<'static, [u8]>| {
        let reranker = Reranker::from_bytes(file)?;
        reranker.check_encoder(&encoder)?;
        Ok::<_, SmallReaderError>(Cow::Owned(reranker_on(&digest, &reranker, file)?))
    };
    let reranker = files.reranker.as_ref().map(on_small).transpose()?;
    Ok(ReaderFiles { encoder: Cow::Owned(small), reranker })
}

fn small_encoder(encoder: &Encoder, file: &[u8]) -> io::Result<Vec<u8>> {
    let name = Value::String(format!("{} small", encoder.name()));
    let metadata = |key: &str, value: &Value| match key {
        "general.name" => Some(name.clone()),
        // The type that most matrices have is another now, and no number stands for such a mixture.
        "general.file_type" => None,
        _ => Some(value.clone()),
    };
    let kind = |info: &TensorInfo| if becomes_small(info) { TensorType::Q4_0 } else { info.kind };
    rewritten(encoder.file().gguf(), file, metadata, kind)
}

fn reranker_on(encoder: &str, reranker: &Reranker, file: &[u8]) -> io::Result<Vec<u8>> {
    let metadata = |key: &str, value: &Value| match key {
        ENCODER_OF_RERANKER => Some(Value::String(encoder.to_owned())),
        _ => Some(value.clone()),
    };
    rewritten(reranker.file().gguf(), file, metadata, |info| info.kind)
}

/// A file with other metadata (`None`: without that key) and other types of tensors.
fn rewritten(
    gguf: &Gguf,
    file: &[u8],
    metadata: impl Fn(&str, &Value) -> Option<Value>,
    kind: impl Fn(&TensorInfo) -> TensorType,
) -> io::Result<Vec<u8>> {
    let metadata: Vec<(&str, Value)> =
        gguf.metadata().filter_map(|(key, value)| Some((key, metadata(key, value)?))).collect();
    let tensor = |info: &TensorInfo| NewTensor {
        name: info.name.clone(),
        kind: kind(info),
        shape: info.shape.iter().map(|dimension| *dimension as usize).collect(),
    };
    let tensors: Vec<NewTensor> = gguf.tensors().iter().map(tensor).collect();
    let mut infos = gguf.tensors().iter();
    let mut out = Vec::new();
    write_gguf(&mut out, &metadata, &tensors, |tensor| {
        let data = infos.next().and_then(|info| {
            let bytes = file.get(info.range.start as usize..info.range.end as usize)?;
            if tensor.kind == info.kind {
                return Some(bytes.to_vec());
            }
            let mut numbers = vec![0.0; info.rows() * info.columns()];
            info.kind.dequantize(bytes, &mut numbers);
            tensor.kind.quantize(&numbers)
        });
        data.unwrap_or_default()
    })?;
    Ok(out)
}

/// Whether a tensor is among the embeddings of tokens or the feed-forward layers, which lose least by it.
fn becomes_small(info: &TensorInfo) -> bool {
    let is_one = info.name == "token_embd.weight"
        || info.name.contains(".ffn_up.")
        || info.name.contains(".ffn_down.");
    is_one && info.name.ends_with(".weight") && info.columns().is_multiple_of(TensorType::Q4_0.block_len())
}

#[cfg(test)]
mod tests {
    use mome_engine::{DeviceChoice, TokenPair, open_encoder};

    use super::*;

    fn default_reader() -> ReaderFiles {
        let data = |name: &str| Cow::Owned(std::fs::read(format!("../mome-backbone/data/{name}")).unwrap());
        ReaderFiles {
            encoder: data("all-minilm-l6-v2-q8_0.gguf"),
            reranker: Some(data("reranker-q8_0.gguf")),
        }
    }

    #[test]
    fn the_small_form_reads_and_judges_nearly_as_the_large_one() {
        let large = default_reader();
        let small = small_reader(&large).unwrap();
        assert!(small.encoder.len() < large.encoder.len() * 2 / 3, "{} bytes", small.encoder.len());
        assert_eq!(small.reranker.as_ref().unwrap().len(), large.reranker.as_ref().unwrap().len());
        let [large, small] = [large, small].map(|files| {
            let opened = open_encoder(&files.encoder, files.reranker.as_deref(), DeviceChoice::Cpu);
            let executor = pollster::block_on(opened).unwrap().executor;
            let encoder = executor.encoder();
            let ids = |text: &str| -> Vec<u32> {
                encoder.tokenizer().encode(text).iter().map(|token| token.id).collect()
            };
            let (question, wording) = (ids("Where may I smoke?"), ids("Where is smoking allowed?"));
            let single = encoder.frame().single(&question, 64).ids;
            let pair = encoder.frame().pair(&question, &wording, 64);
            let pair = TokenPair { tokens: &pair.ids, second: pair.types_from };
            let embedding = pollster::block_on(executor.embed(&[&single])).unwrap().remove(0);
            let judged = pollster::block_on(executor.rerank(&[pair])).unwrap().remove(0);
            (embedding, judged.same - judged.changed)
        });
        let cosine: f32 = large.0.iter().zip(&small.0).map(|(one, other)| one * other).sum();
        assert!((0.97..0.99999).contains(&cosine), "{cosine}");
        assert!((large.1 - small.1).abs() < 1.5 && large.1 != small.1, "{} {}", large.1, small.1);
    }

    #[test]
    fn a_reranker_of_another_encoder_has_no_small_form() {
        let large = default_reader();
        let small = small_reader(&large).unwrap();
        let mixed = ReaderFiles { encoder: small.encoder, reranker: large.reranker };
        assert!(matches!(small_reader(&mixed), Err(SmallReaderError::Reranker(_))));
    }
}
