//! Makes the reader that comes with Mome: trains its reranker, and writes the small form of both files.

use clap::{Args, ValueEnum};

use crate::{Failure, Workspace, process};

/// What the examples of the chore's `--help` say.
const EXAMPLES: &str = "\
Examples:
  cargo xtask reader                        train the reranker on from where it is, and put it in its place
  cargo xtask reader -- --steps 2000        the same in fewer steps; after `--` all that make_reader knows
  cargo xtask reader --from-encoder         begin anew, with the encoder's own layers
  cargo xtask reader --reader small         write the small encoder and its reranker, which has the same layers
  cargo xtask reader -- --help              everything that can be set";

/// Folder of the models that are embedded.
const DATA: &str = "crates/mome-backbone/data";

/// Which reader is made.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    /// The reranker on the default encoder.
    Default,
    /// The default encoder with embeddings and feed-forward layers in 4 bits, and the default reranker on it.
    Small,
}

/// What is to be made.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Which reader
    #[arg(long, value_enum, default_value = "default")]
    reader: Reader,
    /// Begin with the encoder's own layers and a new head
    #[arg(long, conflicts_with = "reader")]
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
    let build = ["build", "--locked", "--release", "--package", "mome-train", "--bin", "make_reader"];
    process::run(workspace.cargo().args(build))?;
    let mut make = workspace.command(workspace.target.join("release/make_reader"));
    let reranker = format!("{DATA}/reranker-q8_0.gguf");
    if !options.from_encoder {
        make.args(["--start", &reranker]);
    }
    match options.reader {
        Reader::Default => make.args(["--out", &reranker]),
        Reader::Small => {
            let [encoder, reranker] =
                ["all-minilm-l6-v2-small", "reranker-small"].map(|name| format!("{DATA}/{name}.gguf"));
            make.args(["--small-encoder", &encoder, "--out", &reranker])
        }
    };
    process::run(make.args(&options.arguments))
}
