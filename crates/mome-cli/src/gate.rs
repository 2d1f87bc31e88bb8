//! `mome gate`: makes the gate that comes with a reader.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mome_build::reader_gate;

use crate::DeviceArguments;
use crate::models::ReaderArguments;
use crate::output::{self, Failure};
use crate::progress::Progress;
use crate::tables::{contrasts, tables};

#[derive(Args)]
pub(crate) struct GateArguments {
    /// Tables of facts that the reader was not trained on, each of which could be a pack; of a folder, all in it
    #[arg(required = true, value_name = "TABLE_OR_DIR")]
    tables: Vec<PathBuf>,
    /// Questions with what asks the same and what is near and asks something else, none of which the reader was trained
    /// on: text files; of a folder, all in it
    #[arg(long, value_name = "FILE_OR_DIR", num_args = 1..)]
    contrasts: Vec<PathBuf>,
    /// Where the gate goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    reader: ReaderArguments,
    #[command(flatten)]
    device: DeviceArguments,
    /// Seed of all random choices: the same tables and seed give the same gate
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &GateArguments) -> Result<ExitCode, Failure> {
    let tables = tables(&arguments.tables)?;
    let (reader, _) = arguments.reader.open(arguments.device.options())?;
    let progress = Progress::new();
    let contrasts = contrasts(&arguments.contrasts)?;
    let made = reader_gate(reader.as_ref(), &tables, &contrasts, arguments.seed, &|stage, done, total| {
        progress.stage(stage, done, total);
    })?;
    let (gate, report) = made.ok_or(Failure::TooFewForAGate)?;
    let failed = |error| Failure::File { file: arguments.out.clone(), error };
    fs::write(&arguments.out, serde_json::to_string(&gate)? + "\n").map_err(failed)?;
    if arguments.json {
        output::json(&report)?;
    } else {
        output::line(&format!(
            "{}: {} known questions ({} confused), {} hidden facts, {} near misses by rules, {} by hand",
            arguments.out.display(),
            report.known,
            report.confused,
            report.hidden,
            report.near_misses,
            report.written
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
