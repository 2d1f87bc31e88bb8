//! Makes the reader that comes with Mome: trains its reranker, and makes the gates of its default and its small form.

use std::path::PathBuf;

use clap::Args;

use crate::{Failure, Workspace, process};

/// What the examples of the chore's `--help` say.
const EXAMPLES: &str = "\
Examples:
  cargo xtask reader                        train the reranker on from where it is, put it in its place, make the gates
  cargo xtask reader -- --steps 2000        the same in fewer steps; after `--` all that make_reader knows
  cargo xtask reader --from-encoder         begin anew, with the encoder's own layers
  cargo xtask reader --gates                only make the gates of the reader as it is
  cargo xtask reader -- --help              everything that can be set";

/// Folder of the models that are embedded.
const DATA: &str = "crates/mome-backbone/data";

/// Folders of tables and of contrasts that no reader is trained on.
const TABLES: &str = "crates/mome-train/data/faq-aside";
const CONTRASTS: &str = "crates/mome-train/data/contrasts-aside";

/// The forms of the reader: what names it to `mome`, and its gate.
const FORMS: [(Option<&str>, &str); 2] =
    [(None, "reader.gate.json"), (Some("small"), "reader-small.gate.json")];

/// What is to be made.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Only make the gates
    #[arg(long, conflicts_with_all = ["from_encoder", "arguments"])]
    gates: bool,
    /// Begin with the encoder's own layers and a new head
    #[arg(long)]
    from_encoder: bool,
    /// For make_reader, which does the work
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Makes the reader.
///
/// # Errors
/// What any step reports.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    if !options.gates {
        train(workspace, options)?;
    }
    // The command has the reader in it, so it is built after that is made.
    let build = ["build", "--locked", "--release", "--package", "mome-cli", "--no-default-features"];
    process::run(workspace.cargo().args(build))?;
    FORMS.into_iter().try_for_each(|(reader, gate)| make_gate(workspace, reader, gate))
}

fn train(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let build = ["build", "--locked", "--release", "--package", "mome-train", "--bin", "make_reader"];
    process::run(workspace.cargo().args(build))?;
    let mut make = workspace.command(workspace.target.join("release/make_reader"));
    let reranker = format!("{DATA}/reranker-q8_0.gguf");
    make.args(["--out", &reranker]);
    if !options.from_encoder {
        make.args(["--start", &reranker]);
    }
    process::run(make.args(&options.arguments))
}

fn make_gate(workspace: &Workspace, reader: Option<&str>, gate: &str) -> Result<(), Failure> {
    let mut mome = workspace.command(workspace.target.join("release/mome"));
    mome.args(["gate", TABLES, "--contrasts", CONTRASTS, "--device", "cpu", "--out"]);
    mome.arg(PathBuf::from(DATA).join(gate));
    if let Some(reader) = reader {
        mome.args(["--reader", reader]);
    }
    process::run(&mut mome)
}
