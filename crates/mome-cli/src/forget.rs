//! `mome forget`: facts leave a pack.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mome_build::{Directory, ForgetReport, ReviseOptions, forget};

use crate::DeviceArguments;
use crate::ask::load;
use crate::output::{self, Failure};
use crate::progress::Progress;
use crate::revised;

#[derive(Args)]
pub(crate) struct ForgetArguments {
    /// The pack's directory
    #[arg(long, value_name = "DIR")]
    pack: PathBuf,
    /// Ids of the facts
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Delete objects that only earlier editions of the pack have
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    device: DeviceArguments,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &ForgetArguments) -> Result<ExitCode, Failure> {
    let mome = pollster::block_on(load(&arguments.pack.to_string_lossy(), None, &arguments.device))?;
    let options = ReviseOptions { prune: arguments.prune, ..ReviseOptions::default() };
    let progress = Progress::new();
    let report =
        forget(&arguments.ids, &mome, &Directory::new(&arguments.pack), options, &|stage, done, total| {
            progress.stage(stage, done, total);
        })?;
    if arguments.json {
        output::json(&report)?;
    } else {
        output::line(&in_words(&report, arguments, options))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn in_words(report: &ForgetReport, arguments: &ForgetArguments, options: ReviseOptions) -> String {
    let mut lines = vec![format!("{} facts forgotten, in {:.1} s", report.forgotten, report.seconds)];
    for still in &report.still_answered {
        lines.push(format!(
            "  {}, {}\n    is answered from another fact: {}",
            still.id,
            still.question,
            revised::reply(&still.reply)
        ));
    }
    lines.push(revised::in_words(&report.pack, &arguments.pack, options));
    lines.join("\n")
}
