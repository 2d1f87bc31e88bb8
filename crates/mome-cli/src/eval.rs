//! `mome eval`: many questions to a pack, and how many were answered right.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mome::{Answer, AnswerOptions};
use mome_build::{Evaluation, Question, Rate, Slice, evaluate, evaluate_slices, read_questions};
use serde::Serialize;

use crate::ask::PackArguments;
use crate::output::{self, Failure};
use crate::plots;
use crate::progress::Progress;

#[derive(Args)]
pub(crate) struct EvalArguments {
    #[command(flatten)]
    pack: PackArguments,
    /// The questions: JSON Lines, or CSV where the name ends in .csv
    questions: PathBuf,
    /// Write plots of risk against coverage and of reliability there, as SVG
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Ask the known questions again, typed otherwise: with typos, in lower case, in keywords, and so on
    #[arg(long)]
    slices: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Decides where a letter is missing.
const SEED: u64 = 1;

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    slices: Option<&'a [Slice]>,
}

pub(crate) fn run(arguments: &EvalArguments) -> Result<ExitCode, Failure> {
    let questions = read_questions(&arguments.questions)?;
    let mome = pollster::block_on(arguments.pack.load())?;
    let progress = Progress::new();
    let mut asked = 0;
    let replied = |_: &Question, _: &Answer| {
        asked += 1;
        progress.show("Asking", asked, questions.len() as u64);
    };
    let evaluation = pollster::block_on(evaluate(&mome, &questions, &AnswerOptions::default(), replied))?;
    let mut asked = 0;
    let typed = || {
        asked += 1;
        progress.show("Asking, typed otherwise", asked, questions.len() as u64);
    };
    let options = AnswerOptions::default();
    let slices = match arguments.slices {
        true => Some(pollster::block_on(evaluate_slices(&mome, &questions, &options, SEED, typed))?),
        false => None,
    };
    if let Some(directory) = &arguments.plots {
        write_plots(&evaluation, directory)?;
    }
    if arguments.json {
        output::json(&Output { evaluation: &evaluation, slices: slices.as_deref() })?;
    } else {
        output::line(&table(&evaluation))?;
        if let Some(slices) = &slices {
            output::line(&slices_table(slices))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_plots(evaluation: &Evaluation, directory: &Path) -> Result<(), Failure> {
    let write = |name: &str, plot: String| {
        let file = directory.join(name);
        fs::write(&file, plot).map_err(|error| Failure::File { file, error })
    };
    fs::create_dir_all(directory).map_err(|error| Failure::File { file: directory.into(), error })?;
    write("risk-coverage.svg", plots::risk_coverage(&evaluation.confidence))?;
    write("reliability.svg", plots::reliability(&evaluation.confidence))
}

fn table(evaluation: &Evaluation) -> String {
    let share = |part: u64, total: u64| match total {
        0 => "    -".to_owned(),
        total => format!("{:5.1} %", 100.0 * part as f64 / total as f64),
    };
    let (known, unknown, exact) = (evaluation.known, evaluation.unknown, evaluation.exact_canonical);
    let (rates, confidence) = (evaluation.rates, &evaluation.confidence);
    let mut lines = vec![
        format!("known      {:6}", known.total),
        format!("  right    {:6}  {}", known.right, share(known.right, known.total)),
        format!("  wrong    {:6}  {}", known.wrong, share(known.wrong, known.total)),
        format!("  abstained{:6}  {}", known.abstained, share(known.abstained, known.total)),
        format!("unknown    {:6}", unknown.total),
        format!("  answered {:6}  {}", unknown.answered, share(unknown.answered, unknown.total)),
        format!("  abstained{:6}  {}", unknown.abstained, share(unknown.abstained, unknown.total)),
        format!("stored     {:6}", exact.total),
        format!("  right    {:6}  {}", exact.right, share(exact.right, exact.total)),
        format!(
            "latency    {:.1} ms median, {:.1} ms p95",
            evaluation.latency_ms.p50, evaluation.latency_ms.p95
        ),
    ];
    if confidence.questions > 0 {
        lines.push(format!("wordings not stored: {} questions, 95 % intervals", confidence.questions));
        lines.push(format!("  right, of known        {}", interval(rates.right_of_known)));
        lines.push(format!("  wrong, of known        {}", interval(rates.wrong_of_known)));
        lines.push(format!("  unverified, of known   {}", interval(rates.unverified_of_known)));
        lines.push(format!("  answered, of unknown   {}", interval(rates.answered_of_unknown)));
        lines.push(format!("  calibration error      {:6.3}", confidence.expected_calibration_error));
        lines.push(format!("  coverage at 1 % wrong  {:5.1} %", 100.0 * confidence.coverage_at_1_percent));
        lines.push(format!("  AURC                   {:7.4}", confidence.aurc));
        lines.extend(confidence.auroc.map(|auroc| format!("  AUROC known/unknown    {auroc:7.4}")));
        let score = |score: &mome_build::TScore| format!("{:.3} at {}", score.score, score.target);
        let scores: Vec<String> = confidence.t_scores.iter().map(score).collect();
        lines.push(format!("  t-scores               {}", scores.join(", ")));
    }
    lines.join("\n")
}

fn slices_table(slices: &[Slice]) -> String {
    let line = |slice: &Slice| {
        let Slice { typing, questions, right_before, right, wrong } = slice;
        format!("  {typing:22} {questions:6} {right_before:7} {right:7} {wrong:7}")
    };
    let heads = "typed otherwise:           of  before   right   wrong".to_owned();
    [heads].into_iter().chain(slices.iter().map(line)).collect::<Vec<_>>().join("\n")
}

fn interval(rate: Rate) -> String {
    format!("{:5.1} %  ({:.1} to {:.1})", 100.0 * rate.share, 100.0 * rate.low, 100.0 * rate.high)
}
