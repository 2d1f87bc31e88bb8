//! `mome inspect`: what a pack or a GGUF file holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mome::{MomeError, Pack, Store};
use mome_backbone::{Gguf, Value};
use mome_pack::{CalibratedGate, Counts, ModelReference, Pooling};
use mome_retrieval::gate::Thresholds;
use serde::Serialize;

use crate::output::{self, Failure};

#[derive(Args)]
pub(crate) struct InspectArguments {
    /// A pack's directory or URL, or a GGUF file
    #[arg(value_name = "DIR_OR_URL_OR_FILE")]
    what: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct PackContents {
    kind: &'static str,
    pack: String,
    format: u32,
    sequence: u64,
    created: u64,
    expires: Option<u64>,
    counts: Counts,
    alpha: f64,
    /// For the pack's alpha; null where nothing could be calibrated.
    thresholds: Option<Thresholds>,
    /// Whose gate it is.
    gate: &'static str,
    calibration: CalibrationCounts,
    shard_bytes: u64,
    backbone: ModelReference,
    reader: ReaderContents,
}

#[derive(Serialize)]
struct CalibrationCounts {
    known: u64,
    hidden: u64,
    near_misses: u64,
}

#[derive(Serialize)]
struct ReaderContents {
    encoder: ModelReference,
    pooling: Pooling,
    prefix: String,
    /// Whether a reranker judges questions beside stored wordings.
    judges: bool,
    reranker_bytes: u64,
}

#[derive(Serialize)]
struct GgufContents {
    kind: &'static str,
    bytes: u64,
    metadata: BTreeMap<String, String>,
    tensors: Vec<TensorContents>,
}

#[derive(Serialize)]
struct TensorContents {
    name: String,
    r#type: &'static str,
    /// The contiguous dimension first.
    shape: Vec<u64>,
}

pub(crate) fn run(arguments: &InspectArguments) -> Result<ExitCode, Failure> {
    let path = Path::new(&arguments.what);
    if path.is_file() && path.extension().is_none_or(|extension| extension != "json") {
        let contents = gguf(path)?;
        if arguments.json { output::json(&contents)? } else { output::line(&gguf_in_words(&contents))? }
    } else {
        let contents = pollster::block_on(pack(&arguments.what))?;
        if arguments.json { output::json(&contents)? } else { output::line(&pack_in_words(&contents))? }
    }
    Ok(ExitCode::SUCCESS)
}

async fn pack(location: &str) -> Result<PackContents, Failure> {
    let pack = Pack::open(Store::open(location)?).await?;
    let manifest = pack.manifest().clone();
    let shard_bytes =
        pack.router().lists().await.map_err(MomeError::from)?.iter().map(|list| list.shard.length).sum();
    let gate = manifest.gate.as_ref().or(manifest.reader.gate.as_ref());
    let counts = |CalibratedGate { calibration, .. }: &CalibratedGate| CalibrationCounts {
        known: calibration.known.count,
        hidden: calibration.hidden.len() as u64,
        near_misses: calibration.near_misses.len() as u64,
    };
    let reranker = manifest.reader.reranker.as_ref();
    Ok(PackContents {
        kind: "pack",
        thresholds: pack.decision(manifest.alpha).as_deref().and_then(|decision| decision.thresholds),
        calibration: gate.map_or(CalibrationCounts { known: 0, hidden: 0, near_misses: 0 }, counts),
        gate: match (&manifest.gate, gate) {
            (Some(_), _) => "the pack's own",
            (None, Some(_)) => "the reader's",
            (None, None) => "none",
        },
        reader: ReaderContents {
            pooling: manifest.reader.pooling,
            prefix: manifest.reader.prefix,
            judges: reranker.is_some(),
            reranker_bytes: reranker
                .map_or(0, |reranker| reranker.parts.iter().map(|part| part.length).sum()),
            encoder: manifest.reader.encoder,
        },
        pack: manifest.pack,
        format: manifest.format,
        sequence: manifest.sequence,
        created: manifest.created,
        expires: manifest.expires,
        counts: manifest.counts,
        alpha: manifest.alpha,
        shard_bytes,
        backbone: manifest.backbone,
    })
}

fn pack_in_words(pack: &PackContents) -> String {
    let gate = match pack.thresholds {
        Some(Thresholds { near, unchanged: Some(unchanged), .. }) => {
            format!("nearness above {near:.2} and sameness above {unchanged:.2} for alpha {}", pack.alpha)
        }
        Some(Thresholds { near, .. }) => format!("nearness above {near:.2} for alpha {}", pack.alpha),
        None => format!("closed for alpha {}: only stored wordings are answered", pack.alpha),
    };
    let bytes = |model: &ModelReference| model.parts.iter().map(|part| part.length).sum::<u64>();
    let reranker = match pack.reader.judges {
        true => format!("a reranker of {} bytes judges", pack.reader.reranker_bytes),
        false => "no reranker: it does not see what one changed word means".to_owned(),
    };
    let CalibrationCounts { known, hidden, near_misses } = pack.calibration;
    let model = |name: &str, model: &ModelReference| {
        format!(
            "{name}   {} ({}, width {}), {} bytes\n           {}",
            model.name,
            model.architecture,
            model.hidden,
            bytes(model),
            model.digest
        )
    };
    [
        format!("pack       {} (edition {}, format {})", pack.pack, pack.sequence, pack.format),
        format!("facts      {} in {} wordings", pack.counts.facts, pack.counts.wordings),
        format!("shards     {} with {} bytes", pack.counts.shards, pack.shard_bytes),
        format!("gate       {}, {gate}", pack.gate),
        format!("           calibrated on {known} known questions, {hidden} hidden facts, {near_misses} near misses"),
        model("backbone", &pack.backbone),
        model("encoder ", &pack.reader.encoder),
        format!("           {reranker}"),
    ]
    .join("\n")
}

fn gguf(path: &Path) -> Result<GgufContents, Failure> {
    let file = || PathBuf::from(path);
    let bytes = fs::read(path).map_err(|error| Failure::File { file: file(), error })?;
    let gguf =
        Gguf::parse(&bytes, bytes.len() as u64).map_err(|error| Failure::Gguf { file: file(), error })?;
    let tensors = gguf.tensors().iter().map(|tensor| TensorContents {
        name: tensor.name.clone(),
        r#type: tensor.kind.name(),
        shape: tensor.shape.clone(),
    });
    Ok(GgufContents {
        kind: "gguf",
        bytes: bytes.len() as u64,
        metadata: gguf.metadata().map(|(key, value)| (key.to_owned(), short(value))).collect(),
        tensors: tensors.collect(),
    })
}

fn gguf_in_words(gguf: &GgufContents) -> String {
    let mut lines = vec![format!("GGUF, {} bytes", gguf.bytes)];
    lines.extend(gguf.metadata.iter().map(|(key, value)| format!("  {key} = {value}")));
    for tensor in &gguf.tensors {
        let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
        lines.push(format!("  {:<32} {:<5} {}", tensor.name, tensor.r#type, shape.join(" x ")));
    }
    lines.join("\n")
}

/// A value in words; of a long text or list its beginning.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
