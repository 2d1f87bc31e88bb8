//! `mome selector`: makes the selector that comes with a backbone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mome_train::{Fact, SelectorOptions, SelectorReport, make_selector, read_facts};

use crate::DeviceArguments;
use crate::backbone::{backbone_file, open_backbone};
use crate::output::{self, Failure};
use crate::progress::Progress;

#[derive(Args)]
pub(crate) struct SelectorArguments {
    /// Tables of facts, each of which could be a pack; of a folder, all that are in it
    #[arg(required = true, value_name = "TABLE_OR_DIR")]
    tables: Vec<PathBuf>,
    /// Where the selector goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The language model, GGUF [default: the one that comes with this command]
    #[arg(long, value_name = "FILE")]
    backbone: Option<PathBuf>,
    /// Gradient steps
    #[arg(long, value_name = "N", default_value_t = 4000)]
    steps: usize,
    #[command(flatten)]
    device: DeviceArguments,
    /// Seed of all random choices: the same tables and seed give the same selector
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &SelectorArguments) -> Result<ExitCode, Failure> {
    let tables = tables(&arguments.tables)?;
    let backbone = backbone_file(arguments.backbone.as_deref())?;
    let executor = open_backbone(arguments.backbone.as_deref(), &backbone, arguments.device.options())?;
    let options = SelectorOptions { steps: arguments.steps, seed: arguments.seed };
    let progress = Progress::new();
    let (selector, report) = make_selector(executor.as_ref(), &tables, &options, &|stage, done, total| {
        progress.stage(stage, done, total);
    })?;
    let bytes = selector.encode().map_err(mome_train::MemorizeError::from)?;
    write(&arguments.out, &bytes)?;
    if arguments.json {
        output::json(&report)?;
    } else {
        output::line(&in_words(&report, &arguments.out, bytes.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The tables that were named, and those of folders in the order of their names.
fn tables(named: &[PathBuf]) -> Result<Vec<Vec<Fact>>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error| Failure::File { file: path.clone(), error };
        let mut inside = fs::read_dir(path)
            .map_err(failed)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let is_table = |file: &PathBuf| {
            file.extension().is_some_and(|extension| extension == "jsonl" || extension == "csv")
        };
        inside.retain(is_table);
        inside.sort();
        files.extend(inside);
    }
    Ok(files.iter().map(|file| read_facts(file)).collect::<Result<_, _>>()?)
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(file, bytes).map_err(|error| Failure::File { file: file.into(), error })
}

fn in_words(report: &SelectorReport, out: &Path, bytes: usize) -> String {
    format!(
        "trained on {} facts, reads layers {:?}\n\
         calibrated on {} facts kept out: {} known and {} unknown questions;\n\
         right, of known: {:.1} % at alpha 1 %, {:.1} % at alpha 5 %\n\
         {}: {bytes} bytes",
        report.facts,
        report.layers,
        report.kept_out,
        report.known,
        report.unknown,
        100.0 * report.right_at_1_percent,
        100.0 * report.right_at_5_percent,
        out.display(),
    )
}
