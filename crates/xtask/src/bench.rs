//! The bench: builds what it measures, installs peers where asked to, and starts `mome-bench`.

mod peers;

use clap::Args;

use crate::{Failure, Workspace, package, process, setup};

/// What the examples of the chore's `--help` say.
const EXAMPLES: &str = "\
Examples:
  cargo xtask bench                                  everything, in about twenty minutes
  cargo xtask bench --peers                          install the other runtimes first, in target/bench/peers
  cargo xtask bench --quick --shapes 256             a first look: one short round with the smallest model
  cargo xtask bench --devices cpu1,cpu2 --shapes 576,1024
  cargo xtask bench --only readers                   the default encoder and reranker alone, in five minutes
  cargo xtask bench --write-docs                     and put the tables into docs/performance.md

Shapes are those of backbones, named by their width: 256, 512, 1024, 576.
Devices: cpu1, cpu2 (threads), gpu, swiftshader (natively), chromium-cpu, chromium-gpu.
Readers are measured on cpu1 and chromium-cpu.
The results go to results.json and readers.json in target/bench too.";

/// The devices that readers are measured on.
const READER_DEVICES: &str = "cpu1,chromium-cpu";

/// What is to be measured.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Install the runtimes to compare with, in the bench's own folder
    #[arg(long)]
    peers: bool,
    /// Measure models of one kind alone [default: both]
    #[arg(long, value_parser = ["backbones", "readers"])]
    only: Option<String>,
    /// Widths of the backbones to measure, separated by commas [default: all]
    #[arg(long)]
    shapes: Option<String>,
    /// Devices to measure on, separated by commas [default: all]
    #[arg(long)]
    devices: Option<String>,
    /// One short round: numbers are rough
    #[arg(long)]
    quick: bool,
    /// Put the results into docs/performance.md
    #[arg(long)]
    write_docs: bool,
}

/// Measures the engine, next to the peers that are installed.
///
/// # Errors
/// What any step reports.
pub fn run(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let work = workspace.target.join("bench");
    if options.peers {
        peers::install(workspace, &work.join("peers"))?;
    }
    let only = options.only.as_deref();
    let devices = options.devices.as_deref().or((only == Some("readers")).then_some(READER_DEVICES));
    let mut bench = workspace.command(workspace.target.join("release/mome-bench"));
    bench.args(["run", "--root"]).arg(&workspace.root).arg("--work").arg(&work);
    if devices.is_none_or(|devices| devices.contains("chromium")) {
        package::build(workspace, &setup::for_package(workspace)?)?;
    }
    if devices.is_none_or(|devices| devices.contains("chromium") || devices.contains("swiftshader")) {
        bench.arg("--chromium").arg(setup::chromium()?);
    }
    if devices.is_none_or(|devices| devices.contains("gpu")) {
        setup::vulkan_driver()?;
    }
    println!("Building the bench");
    process::run(workspace.cargo().args(["build", "--locked", "--release", "--package", "mome-bench"]))?;
    for (name, value) in [("--only", only), ("--shapes", options.shapes.as_deref()), ("--devices", devices)] {
        bench.args(value.into_iter().flat_map(|value| [name, value]));
    }
    bench.args(options.quick.then_some("--quick")).args(options.write_docs.then_some("--write-docs"));
    process::run(&mut bench)
}
