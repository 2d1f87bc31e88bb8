//! `mome memorize`: a table of facts becomes a pack, or goes into one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use mome_build::{
    Directory, Fact, GateReport, IntoReport, MemorizeOptions, Report, ReviseOptions, memorize, memorize_into,
    read_facts,
};
use mome_retrieval::gate::{Kind, Thresholds};

use crate::DeviceArguments;
use crate::ask::load;
use crate::models::ModelArguments;
use crate::output::{self, Failure};
use crate::progress::Progress;
use crate::revised;

/// The share of unknown questions that may be answered, where none is given.
const ALPHA: f64 = 0.01;

#[derive(Args)]
#[command(group(ArgGroup::new("target").required(true).args(["out", "into"])))]
pub(crate) struct MemorizeArguments {
    /// The table of facts: JSON Lines, or CSV where the name ends in .csv
    facts: PathBuf,
    /// Where the pack goes; made where it does not exist
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A pack that the facts go into, with its own models
    #[arg(long, value_name = "PACK")]
    into: Option<PathBuf>,
    #[command(flatten)]
    models: ModelArguments,
    /// The share of unknown questions that may be answered [default: 0.01]
    #[arg(long, conflicts_with = "into")]
    alpha: Option<f64>,
    /// Delete objects that only earlier editions of the pack have
    #[arg(long, requires = "into")]
    prune: bool,
    #[command(flatten)]
    device: DeviceArguments,
    /// Seed of all random choices: the same table and seed give the same pack
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &MemorizeArguments) -> Result<ExitCode, Failure> {
    let facts = read_facts(&arguments.facts)?;
    match (&arguments.into, &arguments.out) {
        (Some(pack), _) => put_into(pack, &facts, arguments),
        (None, Some(out)) => make(out, &facts, arguments),
        (None, None) => unreachable!("the arguments' group demands one of them"),
    }
}

/// Makes a pack of the facts.
fn make(out: &Path, facts: &[Fact], arguments: &MemorizeArguments) -> Result<ExitCode, Failure> {
    let models = arguments.models.open(arguments.device.options())?;
    let pack =
        arguments.facts.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let alpha = arguments.alpha.unwrap_or(ALPHA);
    let options = MemorizeOptions { pack, alpha, seed: arguments.seed };
    let progress = Progress::new();
    let report = memorize(facts, &models, &Directory::new(out), &options, &|stage, done, total| {
        progress.stage(stage, done, total);
    })?;
    if arguments.json {
        output::json(&report)?;
    } else {
        output::line(&made(&report, out, alpha))?;
    }
    Ok(exit_code(&report.failed))
}

/// Puts the facts into a pack that is there.
fn put_into(pack: &Path, facts: &[Fact], arguments: &MemorizeArguments) -> Result<ExitCode, Failure> {
    let mome = pollster::block_on(load(&pack.to_string_lossy(), None, &arguments.device))?;
    let options = ReviseOptions { seed: arguments.seed, prune: arguments.prune };
    let progress = Progress::new();
    let report = memorize_into(facts, &mome, &Directory::new(pack), options, &|stage, done, total| {
        progress.stage(stage, done, total);
    })?;
    if arguments.json {
        output::json(&report)?;
    } else {
        output::line(&put(&report, pack, options))?;
    }
    Ok(exit_code(&report.failed))
}

/// Says which facts failed, and why; 1 if there are any.
fn exit_code(failed: &[(String, String)]) -> ExitCode {
    for (id, reason) in failed {
        eprintln!("mome: {id} failed: {reason}");
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn made(report: &Report, out: &Path, alpha: f64) -> String {
    let gate = match report.gate {
        GateReport::Pack(thresholds) => {
            format!(
                "other wordings are answered where {}, by these facts' own questions",
                in_words(thresholds)
            )
        }
        GateReport::Reader(thresholds) => format!(
            "other wordings are answered where {}; these facts have too few questions for alpha {alpha}, so some of \
             those that came with the reader count",
            in_words(thresholds)
        ),
        GateReport::Nothing => {
            format!("too few wordings to calibrate for alpha {alpha}: only stored wordings are answered")
        }
    };
    let resumed = resumed(report.resumed);
    let cut = match report.cut.len() {
        0 => String::new(),
        cut => format!(
            "{cut} wordings are longer than the reader keeps: rephrasings are judged by their beginning\n"
        ),
    };
    format!(
        "{} of {} facts memorised{resumed}, {} verified, in {:.1} s\n{gate}\n{cut}{}: {} objects, {} bytes",
        report.memorized,
        report.facts,
        report.verified,
        report.seconds,
        out.display(),
        report.objects,
        report.bytes,
    )
}

fn in_words(thresholds: Thresholds) -> String {
    let Thresholds { near, near_set_by, unchanged, .. } = thresholds;
    let kind = match near_set_by {
        Kind::Hidden => "hidden facts",
        Kind::Confused => "confused facts",
    };
    let near = format!("nearness is above {near:.2} log odds (set by {kind})");
    match unchanged {
        Some(unchanged) => format!("{near} and sameness above {unchanged:.2} (set by near misses)"),
        None => format!("{near}, without a reranker that would see what one changed word means"),
    }
}

fn put(report: &IntoReport, pack: &Path, options: ReviseOptions) -> String {
    let IntoReport { facts, added, replaced, unchanged, verified, seconds, .. } = report;
    let resumed = resumed(report.resumed);
    format!(
        "{added} facts added, {replaced} replaced, {unchanged} unchanged{resumed}; \
         {verified} of {facts} verified, in {seconds:.1} s\n{}",
        revised::in_words(&report.pack, pack, options)
    )
}

fn resumed(facts: usize) -> String {
    match facts {
        0 => String::new(),
        facts => format!(", {facts} of them by an earlier run that was stopped"),
    }
}
