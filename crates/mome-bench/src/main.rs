//! The bench: measures the engine on every device at hand, next to other runtimes on the same models.
//!
//! `cargo xtask bench` builds what this needs and starts it. `run` makes all measurements, each in a process of its
//! own: this program again ([`measure`]), a script in `peers/`, or a browser driven by `web/bench`.
#![allow(clippy::print_stdout, reason = "it talks to the person at the terminal")]

mod contender;
mod failure;
mod measure;
mod model;
mod peers;
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
use crate::peers::Peers;
use crate::shape::{Quantisation, SHAPES, Shape};
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
    /// Write a model of random weights
    Model {
        /// Its width
        shape: Shape,
        /// The type of its matrices
        quantisation: Quantisation,
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
    /// Widths of the models to measure [default: all]
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
        Command::Model { shape, quantisation, out, seed } => {
            model::write(&out, shape, quantisation, seed).map_err(Failure::file(&out))
        }
    }
}

fn run(arguments: RunArguments) -> Result<(), Failure> {
    let RunArguments { root, work, chromium, shapes, devices, quick, write_docs } = arguments;
    let or_all = |devices: Vec<Device>| match devices.as_slice() {
        [] => Device::value_variants().to_vec(),
        _ => devices,
    };
    let plan = Plan {
        shapes: if shapes.is_empty() { SHAPES.to_vec() } else { shapes },
        devices: or_all(devices),
        rounds: if quick { 1 } else { 2 },
    };
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

    let measured = suite::run(&plan, &setting)?;
    let file = work.join("results.json");
    let machine = report::machine(&measured);
    let json = serde_json::json!({ "machine": machine, "rounds": plan.rounds, "results": measured });
    fs::write(&file, format!("{json:#}\n")).map_err(Failure::file(&file))?;
    let machine: String = machine.iter().map(|line| format!("- {line}\n")).collect();
    let results = format!("\n{machine}{}{}", report::targets(&measured), report::tables(&measured));
    println!("{results}\nWritten to {}", file.display());
    if write_docs {
        report::write_into(&setting.root.join("docs/performance.md"), &results)?;
    }
    Ok(())
}

/// The Vulkan driver manifest that lies next to Chromium's program, where its distribution has one.
fn swiftshader(chromium: &Path) -> Option<PathBuf> {
    const MANIFEST: &str = "vk_swiftshader_icd.json";
    let real = fs::canonicalize(chromium).ok()?;
    let beside = real.parent()?.join(MANIFEST);
    [beside, Path::new("/usr/lib/chromium").join(MANIFEST)].into_iter().find(|file| file.is_file())
}
