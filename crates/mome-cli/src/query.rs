//! `mome query`: trains the query object of a backbone.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mome_build::MemorizeError;
use mome_train::train_query_object;

use crate::DeviceArguments;
use crate::models::{backbone_file, open_backbone};
use crate::output::{self, Failure};
use crate::progress::Progress;
use crate::tables::tables;

#[derive(Args)]
pub(crate) struct QueryArguments {
    /// Tables of facts; of a folder, all that are in it
    #[arg(required = true, value_name = "TABLE_OR_DIR")]
    tables: Vec<PathBuf>,
    /// Where the query object goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The language model, GGUF [default: the one that comes with this command]
    #[arg(long, value_name = "FILE")]
    backbone: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArguments,
    /// Seed of all random choices: the same tables and seed give the same object
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(arguments: &QueryArguments) -> Result<ExitCode, Failure> {
    let tables = tables(&arguments.tables)?;
    let backbone = backbone_file(arguments.backbone.as_deref())?;
    let executor = open_backbone(arguments.backbone.as_deref(), &backbone, arguments.device.options())?;
    let progress = Progress::new();
    let query = train_query_object(executor.as_ref(), &tables, arguments.seed, &|stage, done, total| {
        progress.stage(stage, done, total);
    })?;
    let bytes = query.encode().map_err(MemorizeError::from)?;
    let failed = |error| Failure::File { file: arguments.out.clone(), error };
    fs::write(&arguments.out, &bytes).map_err(failed)?;
    output::line(&format!("{}: {} bytes", arguments.out.display(), bytes.len()))?;
    Ok(ExitCode::SUCCESS)
}
