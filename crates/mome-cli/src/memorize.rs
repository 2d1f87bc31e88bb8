//! `mome memorize`: a table of facts becomes a pack.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mome_train::{MemorizeOptions, Report, memorize, read_facts};
use serde::Serialize;

use crate::DeviceArguments;
use crate::backbone::{backbone_file, open_backbone};
use crate::output::{self, Failure};
use crate::progress::Progress;

#[derive(Args)]
pub(crate) struct MemorizeArguments {
    /// The table of facts, JSON Lines
    facts: PathBuf,
    /// Where the pack goes; made where it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The language model, GGUF [default: the one that comes with this command]
    #[arg(long, value_name = "FILE")]
    backbone: Option<PathBuf>,
    /// The share of unknown questions that may be answered
    #[arg(long, default_value_t = 0.01)]
    alpha: f64,
    #[command(flatten)]
    device: DeviceArguments,
    /// Seed of all random choices: the same table and seed give the same pack
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct ReportJson<'a> {
    facts: usize,
    resumed: usize,
    memorised: usize,
    verified: usize,
    failed: Vec<&'a str>,
    max_loss: f32,
    seconds: f64,
    bytes: u64,
    objects: u64,
    threshold: Option<f32>,
}

pub(crate) fn run(arguments: &MemorizeArguments) -> Result<ExitCode, Failure> {
    let facts = read_facts(&arguments.facts)?;
    let backbone = backbone_file(arguments.backbone.as_deref())?;
    let executor = open_backbone(arguments.backbone.as_deref(), &backbone, arguments.device.options())?;
    let pack =
        arguments.facts.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let options = MemorizeOptions { pack, alpha: arguments.alpha, seed: arguments.seed, selector: None };
    let progress = Progress::new();
    let report =
        memorize(&facts, (&executor, &backbone), &arguments.out, &options, &|stage, done, total| {
            progress.stage(stage, done, total);
        })?;
    for (id, reason) in &report.failed {
        eprintln!("mome: {id} failed: {reason}");
    }
    if arguments.json {
        output::json(&ReportJson::new(&report))?;
    } else {
        output::line(&summary(&report, arguments))?;
    }
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl<'a> ReportJson<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            facts: report.facts,
            resumed: report.resumed,
            memorised: report.memorised,
            verified: report.verified,
            failed: report.failed.iter().map(|(id, _)| id.as_str()).collect(),
            max_loss: report.max_loss,
            seconds: report.seconds,
            bytes: report.bytes,
            objects: report.objects,
            threshold: report.threshold,
        }
    }
}

fn summary(report: &Report, arguments: &MemorizeArguments) -> String {
    let gate = match report.threshold {
        Some(threshold) => format!("other wordings are answered from log odds of {threshold:.2}"),
        None => format!(
            "too few wordings to calibrate for alpha {}: only stored wordings are answered",
            arguments.alpha
        ),
    };
    let resumed = match report.resumed {
        0 => String::new(),
        resumed => format!(", {resumed} of them by an earlier run that was stopped"),
    };
    format!(
        "{} of {} facts memorised{resumed}, {} verified, in {:.1} s\n{}\n{}: {} objects, {} bytes",
        report.memorised,
        report.facts,
        report.verified,
        report.seconds,
        gate,
        arguments.out.display(),
        report.objects,
        report.bytes,
    )
}
