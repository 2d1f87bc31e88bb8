//! `mome eval`: many questions to a pack, and how many were answered right.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mome::AnswerOptions;
use mome_train::{Evaluation, evaluate, read_questions};

use crate::ask::{PackArguments, load};
use crate::output::{self, Failure};
use crate::progress::bar;

#[derive(Args)]
pub(crate) struct EvalArguments {
    #[command(flatten)]
    pack: PackArguments,
    /// The questions, JSON Lines
    questions: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &EvalArguments) -> Result<ExitCode, Failure> {
    let questions = read_questions(&arguments.questions)?;
    let mome = pollster::block_on(load(&arguments.pack))?;
    let bar = bar(questions.len() as u64, "Asking");
    let options = AnswerOptions::default();
    let evaluation = pollster::block_on(evaluate(&mome, &questions, &options, |_, _| bar.inc(1)))?;
    bar.finish();
    if arguments.json {
        output::json(&evaluation)?;
    } else {
        output::line(&table(&evaluation))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(evaluation: &Evaluation) -> String {
    let share = |part: u64, total: u64| match total {
        0 => "    -".to_owned(),
        total => format!("{:5.1} %", 100.0 * part as f64 / total as f64),
    };
    let (known, unknown, exact) = (evaluation.known, evaluation.unknown, evaluation.exact_canonical);
    [
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
    ]
    .join("\n")
}
