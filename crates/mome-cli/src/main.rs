//! The `mome` command: makes packs of facts, asks them, and serves them.

mod ask;
mod eval;
mod forget;
mod gate;
mod generate;
mod inspect;
mod memorize;
mod models;
mod output;
mod plots;
mod progress;
#[cfg(feature = "train")]
mod query;
mod revised;
mod serve;
mod tables;

use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use mome::{CpuOptions, DeviceChoice, OpenOptions};

use crate::output::Failure;

/// Exit code of a question that has no answer.
const UNKNOWN: u8 = 3;

#[derive(Parser)]
#[command(
    name = "mome",
    version,
    about = "Answers from memorised facts, exactly, or says that it does not know."
)]
#[command(after_help = "Examples:
  mome memorize facts.jsonl --out pack
  mome memorize more-facts.jsonl --into pack
  mome ask --pack pack \"What is the capital of France?\"
  mome serve pack --port 8080
  mome ask --pack http://127.0.0.1:8080/ \"What is the capital of France?\"")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Memorise a table of facts: a new pack, or into one that is there
    #[command(after_help = "A line of FACTS is a JSON object:
  {\"id\": \"fr\", \"question\": \"What is the capital of France?\",
   \"paraphrases\": [\"France's capital city\"], \"answer\": \"Paris\", \"source\": \"atlas\"}
`id`, `paraphrases` and `source` may be left out. A file whose name ends in .csv has the
same columns, which its first line names; `|` separates paraphrases in a cell, and their
column may stand several times. One wording is enough for a fact; the more it has, the
more of those that nobody wrote down are recognised.

It may be stopped at any time (Ctrl-C): a pack that lay in the folder stays as it was, and
the same command goes on where it stopped. Exits with 1 if a fact failed.

--into changes a pack where it lies, and asks the facts nearest to the new ones before and
after: whose reply is another one is reported. A fact whose id is in the pack takes the
place of the old one. One that answers a question of the pack differently is refused.

Examples:
  mome memorize facts.jsonl --out pack --alpha 0.05
  mome memorize more-facts.jsonl --into pack")]
    Memorize(memorize::MemorizeArguments),
    /// Remove facts from a pack
    #[command(after_help = "The facts nearest to those removed are asked before and after, and
whose reply is another one is reported. If an id is not in the
pack nothing is changed.

Example:
  mome forget --pack pack fr capital-of-mongolia")]
    Forget(forget::ForgetArguments),
    /// Ask a pack a question
    #[command(after_help = "Exits with 0 if the answer is known, 3 if not, 1 after an error.

Example:
  mome ask --pack https://example.org/planets/ --json \"How many moons has Mars?\"")]
    Ask(ask::AskArguments),
    /// Ask a pack many questions whose right replies are known, and count
    #[command(
        after_help = "A line of QUESTIONS is a JSON object with `question`, `id` and `answer`; the latter two are
null where the right reply is \"I don't know\". In CSV their cells are empty then. A table
of facts is taken as well.

Besides the counts it says what the confidences are worth: calibration error, risk and coverage, scores for confidence
targets (right 1, wrong -t / (1 - t), no answer 0). Those leave out questions whose wording is stored.

Examples:
  mome eval --pack pack questions.jsonl --alpha 0.05
  mome eval --pack pack questions.jsonl --plots plots --json"
    )]
    Eval(eval::EvalArguments),
    /// Train how a backbone attends to memory, on many tables of facts
    #[cfg(feature = "train")]
    #[command(
        after_help = "The backbone of this command has such an object already. For another one `mome memorize` makes
one from the facts at hand; a trained one needs less of each fact's strength.

Example:
  mome query tables/ --backbone model.gguf --out model.query
  mome memorize facts.jsonl --backbone model.gguf --query model.query --out pack"
    )]
    Query(query::QueryArguments),
    /// Make the gate that comes with a reader, on many tables of facts
    #[command(
        after_help = "A gate tells which rephrasings are safe to answer. The reader of this command has one; another
encoder needs its own, made from tables with paraphrases that it was not trained on.

Example:
  mome gate tables/ --reader encoder.gguf --out encoder.gate.json
  mome memorize facts.jsonl --reader encoder.gguf --gate encoder.gate.json --out pack"
    )]
    Gate(gate::GateArguments),
    /// Go on with a text, with the bare backbone and no memory
    #[command(after_help = "Examples:
  mome generate --backbone model.gguf --prompt \"Once upon a time\" --max-tokens 32
  mome generate --backbone model.gguf --chat --system \"Be brief.\" --prompt \"Who wrote Emma?\"")]
    Generate(generate::GenerateArguments),
    /// Serve a directory on loopback, with the headers that a pack wants
    #[command(after_help = "Example:
  mome serve pack --port 8080")]
    Serve(ServeArguments),
    /// Say what a pack or a GGUF file holds
    #[command(after_help = "Examples:
  mome inspect pack
  mome inspect https://example.org/planets/
  mome inspect model.gguf --json")]
    Inspect(inspect::InspectArguments),
}

#[derive(Args)]
struct ServeArguments {
    /// The directory
    dir: PathBuf,
    /// The port; 0 for any that is free [default: 8080, or the next that is free]
    #[arg(long)]
    port: Option<u16>,
}

/// Options that all commands which run a backbone share.
#[derive(Args)]
struct DeviceArguments {
    /// What runs the backbone: auto (a hardware GPU, else the CPU), gpu or cpu
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceChoice,
    /// Threads of the CPU [default: its cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Take a GPU without holding it to the CPU first
    #[arg(long)]
    no_self_check: bool,
}

impl DeviceArguments {
    fn options(&self) -> OpenOptions {
        OpenOptions {
            device: self.device,
            cpu: CpuOptions { threads: self.threads.map(NonZeroUsize::get) },
            self_check: !self.no_self_check,
        }
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Memorize(arguments) => memorize::run(&arguments),
        Command::Forget(arguments) => forget::run(&arguments),
        Command::Ask(arguments) => ask::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        #[cfg(feature = "train")]
        Command::Query(arguments) => query::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Serve(arguments) => serve_files(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
    };
    match done {
        Ok(code) => code,
        // As in `mome inspect pack | head`: who reads has seen enough.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mome: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn serve_files(arguments: &ServeArguments) -> Result<ExitCode, Failure> {
    serve::serve(&arguments.dir, arguments.port, |address| {
        // Who reads the line may have gone; the server goes on.
        let _ = output::line(&format!(
            "{} is served at http://{address}/ (Ctrl-C ends it)",
            arguments.dir.display()
        ));
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_fit_together() {
        super::Cli::command().debug_assert();
    }
}
