//! The bench: measures the engine on every device at hand, next to other runtimes on the same models.
//!
//! `cargo xtask bench` builds what this needs and starts it. `run` makes all measurements, each in a process of its
//! own: this program again ([`measure`]), a script in `peers/`, or a browser driven by `web/bench`.
#![allow(clippy::print_stdout, reason = "it talks to the person at the terminal")]

mod contender;
mod failure;
mod measure;
mod model;
mod output;
mod page;
mod peers;
mod program;
mod readers;
mod record;
mod report;
mod shape;
mod suite;
mod vocabulary;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum as _};
use mome_engine::{CpuOptions, DeviceChoice, OpenOptions};

use crate::contender::{Device, Setting};
use crate::failure::Failure;
use crate::output::Output;
use crate::peers::Peers;
use crate::shape::{Quantization, SHAPES, Shape};
use crate::suite::Plan;

/// Measures the engine, next to other runtimes where they are installed.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make all measurements, print tables, write results.json
    Run(RunArguments),
    /// Measure one model on one device in this process; print the record as JSON
    Measure {
        /// A GGUF file
        model: PathBuf,
        /// `cpu` or `gpu`
        #[arg(long)]
        device: DeviceChoice,
        /// Threads on the CPU [default: one for each core]
        #[arg(long)]
        threads: Option<usize>,
        /// Time for prefill and decode each
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
    },
    /// Measure the default encoder and reranker on one thread of the CPU in this process; print the record as JSON
    MeasureReader {
        /// What to read and judge, as JSON
        job: String,
    },
    /// Write a model of random weights
    Model {
        /// Its width
        shape: Shape,
        /// The type of its matrices
        quantization: Quantization,
        /// The GGUF file to write
        out: PathBuf,
        /// Of the random numbers
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(clap::Args)]
struct RunArguments {
    /// The root of the workspace
    #[arg(long)]
    root: PathBuf,
    /// Folder for models and results; peers are looked for in its `peers`
    #[arg(long)]
    work: PathBuf,
    /// Chromium's program
    #[arg(long)]
    chromium: Option<PathBuf>,
    /// Measure models of one kind alone
    #[arg(long)]
    only: Option<Kind>,
    /// Widths of the backbones to measure [default: all]
    #[arg(long, value_delimiter = ',')]
    shapes: Vec<Shape>,
    /// Devices to measure on [default: all]
    #[arg(long, value_delimiter = ',')]
    devices: Vec<Device>,
    /// One short round: numbers are rough
    #[arg(long)]
    quick: bool,
    /// Put the results into docs/performance.md
    #[arg(long)]
    write_docs: bool,
}

/// What models are for.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Those that speak
    Backbones,
    /// Those that read and judge
    Readers,
}

fn main() -> ExitCode {
    match start(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run(arguments),
        Command::Measure { model, device, threads, seconds } => {
            let options = OpenOptions { device, cpu: CpuOptions { threads }, ..OpenOptions::default() };
            let record = pollster::block_on(measure::measure(&model, options, seconds))?;
            println!("{}", serde_json::json!(record));
            Ok(())
        }
        Command::MeasureReader { job } => {
            let record = pollster::block_on(readers::measure(&serde_json::from_str(&job)?))?;
            println!("{}", serde_json::json!(record));
            Ok(())
        }
        Command::Model { shape, quantization, out, seed } => {
            model::write(&out, shape, quantization, seed).map_err(Failure::file(&out))
        }
    }
}

fn run(arguments: RunArguments) -> Result<(), Failure> {
    let RunArguments { root, work, chromium, only, shapes, devices, quick, write_docs } = arguments;
    let setting = Setting {
        models: work.join("models"),
        peers: Peers::find(work.join("peers")),
        swiftshader: chromium.as_deref().and_then(swiftshader),
        chromium,
        seconds: if quick { 0.3 } else { 1.0 },
        root,
    };
    match setting.peers.missing().as_slice() {
        [] => println!("Peers: llama.cpp, wllama, transformers.js"),
        missing => println!("Not installed, and left out: {} (--peers installs them)", missing.join(", ")),
    }
    let devices = match devices.as_slice() {
        [] => Device::value_variants().to_vec(),
        _ => devices,
    };
    let output = Output { work, page: write_docs.then(|| setting.root.join("docs/performance.md")) };
    if only != Some(Kind::Readers) {
        let plan = Plan {
            shapes: if shapes.is_empty() { SHAPES.to_vec() } else { shapes },
            devices: devices.clone(),
            rounds: if quick { 1 } else { 2 },
        };
        run_backbones(&plan, &setting, &output)?;
    }
    if only != Some(Kind::Backbones) {
        let (rounds, repeats) = if quick { (1, 20) } else { (5, 100) };
        run_readers(&readers::Plan { devices, rounds, repeats }, &setting, &output)?;
    }
    Ok(())
}

fn run_backbones(plan: &Plan, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let measured = suite::run(plan, setting)?;
    let machine = report::machine(&measured);
    let tables = report::targets(&measured) + &report::tables(&measured);
    let json = serde_json::json!({ "machine": machine, "rounds": plan.rounds, "results": measured });
    output.write("results.json", &json, &page::BACKBONES, &machine, &tables)
}

fn run_readers(plan: &readers::Plan, setting: &Setting, output: &Output) -> Result<(), Failure> {
    let measured = readers::run(plan, setting)?;
    if measured.is_empty() {
        return Ok(());
    }
    let machine = readers::machine(&measured);
    let tables = readers::targets(&measured) + &readers::table(&measured);
    let json = serde_json::json!({
        "machine": machine,
        "rounds": plan.rounds,
        "repeats": plan.repeats,
        "results": measured,
    });
    output.write("readers.json", &json, &page::READERS, &machine, &tables)
}

/// The Vulkan driver manifest that lies next to Chromium's program, where its distribution has one.
fn swiftshader(chromium: &Path) -> Option<PathBuf> {
    const MANIFEST: &str = "vk_swiftshader_icd.json";
    let real = fs::canonicalize(chromium).ok()?;
    let beside = real.parent()?.join(MANIFEST);
    [beside, Path::new("/usr/lib/chromium").join(MANIFEST)].into_iter().find(|file| file.is_file())
}
