//! Readers: the default encoder and its reranker, next to other runtimes with the same encoder.

mod job;
mod measure;
mod record;
mod report;

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::contender::{self, Device, Engine, Setting};
use crate::failure::Failure;
use crate::program;
use job::Job;
pub use measure::measure;
use record::Record;
pub use report::{machine, table, targets};

/// Where readers are measured.
const DEVICES: [Device; 2] = [Device::Cpu1, Device::ChromiumCpu];

/// Where the default reader lies in the workspace, and its two files without their endings.
const FOLDER: &str = "crates/mome-backbone/data";
const ENCODER: &str = "all-minilm-l6-v2-q8_0";
const RERANKER: &str = "reranker-q8_0";

/// What is to be measured.
pub struct Plan {
    /// Where; devices on which readers are not measured are passed over.
    pub devices: Vec<Device>,
    /// How often each engine has its turn; the best counts.
    pub rounds: usize,
    /// How often an engine reads and judges in one turn; the median counts.
    pub repeats: usize,
}

/// How a file holds the encoder's matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// The GGUF file itself: blocks of 32 numbers of 8 bits, with a scale each.
    Gguf,
    /// The same numbers as ONNX (`MatMulNBits`).
    OnnxBlocks,
    /// Numbers of 8 bits with a scale for each row, as ONNX (`DynamicQuantizeMatMul`).
    OnnxRows,
}

impl fmt::Display for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gguf => "GGUF, Q8_0",
            Self::OnnxBlocks => "ONNX, MatMulNBits",
            Self::OnnxRows => "ONNX, DynamicQuantizeMatMul",
        })
    }
}

/// An engine on a device.
#[derive(Clone, Copy, Debug)]
struct Contender {
    device: Device,
    engine: Engine,
    weights: Weights,
}

/// The best that one engine did on one device.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Where it ran.
    pub device: Device,
    /// What ran.
    pub engine: Engine,
    /// The file that it read.
    pub weights: Weights,
    /// The numbers.
    #[serde(flatten)]
    pub record: Record,
}

/// Measures every engine that is there, in turns.
///
/// # Errors
/// Where the reader's files cannot be used or an ONNX file cannot be written. An engine that fails is noted in its
/// record.
pub fn run(plan: &Plan, setting: &Setting) -> Result<Vec<Measured>, Failure> {
    let contenders = contenders(&plan.devices, setting);
    if contenders.is_empty() {
        return Ok(Vec::new());
    }
    println!("readers");
    let folder = setting.root.join(FOLDER);
    let [encoder, reranker] = [ENCODER, RERANKER].map(|name| folder.join(format!("{name}.gguf")));
    let job = Job::new(encoder, reranker, plan.repeats)?;
    for contender in &contenders {
        prepare(contender.weights, &job.encoder, setting)?;
    }
    let unmeasured = |&Contender { device, engine, weights }: &Contender| Measured {
        device,
        engine,
        weights,
        record: Record::default(),
    };
    let mut measured: Vec<Measured> = contenders.iter().map(unmeasured).collect();
    for _ in 0..plan.rounds {
        for (contender, standing) in contenders.iter().zip(&mut measured) {
            let record = measure_once(&mut command(contender, &job, setting));
            show(contender, &record);
            standing.record = std::mem::take(&mut standing.record).best(record);
        }
    }
    Ok(measured)
}

/// All engines on those devices, of those that are there.
fn contenders(devices: &[Device], setting: &Setting) -> Vec<Contender> {
    let weights = |engine| match engine {
        Engine::Mome | Engine::LlamaCpp => vec![Weights::Gguf],
        Engine::TransformersJs => vec![Weights::OnnxBlocks, Weights::OnnxRows],
        // Not asked to read.
        Engine::Wllama => Vec::new(),
    };
    let devices = DEVICES.into_iter().filter(|device| devices.contains(device));
    let engines = devices.flat_map(|device| {
        contender::engines(device, setting).into_iter().map(move |engine| (device, engine))
    });
    let with_weights = |(device, engine)| {
        weights(engine).into_iter().map(move |weights| Contender { device, engine, weights })
    };
    engines.flat_map(with_weights).collect()
}

/// Runs a measuring program; what goes wrong is a note.
fn measure_once(command: &mut Command) -> Record {
    program::record(command).unwrap_or_else(|problem| Record { note: Some(problem), ..Record::default() })
}

/// The command that measures an engine and prints a [`Record`].
fn command(contender: &Contender, job: &Job, setting: &Setting) -> Command {
    let mut command = match (contender.device, contender.engine) {
        (Device::ChromiumCpu | Device::ChromiumGpu, _) => return in_chromium(contender, job, setting),
        (_, Engine::LlamaCpp) => {
            let mut python = Command::new(setting.peers.python());
            python.arg(setting.root.join("crates/mome-bench/peers/measure_llama_cpp_reader.py"));
            python
        }
        _ => {
            let mut bench = contender::this_program();
            bench.arg("measure-reader");
            bench
        }
    };
    command.arg(serde_json::json!(job).to_string());
    command
}

fn in_chromium(contender: &Contender, job: &Job, setting: &Setting) -> Command {
    let Job { question, pairs, repeats, .. } = job;
    let (models, model) = match contender.weights {
        Weights::Gguf => (setting.root.join(FOLDER), ENCODER.to_owned()),
        weights => (setting.models.clone(), onnx_name(weights)),
    };
    let job = serde_json::json!({
        "subject": "reader",
        "engine": contender::page_engine(contender.engine),
        "model": format!("/model/{model}"),
        "reranker": format!("/model/{RERANKER}"),
        "device": "cpu",
        "question": question,
        "pairs": pairs,
        "repeats": repeats,
        "models": models.to_string_lossy(),
    });
    contender::chromium(job, setting)
}

/// The folder of an ONNX file among the models.
fn onnx_name(weights: Weights) -> String {
    let kind = if weights == Weights::OnnxRows { "rows" } else { "blocks" };
    format!("{ENCODER}-{kind}")
}

/// Writes the ONNX file that an engine takes, where it is not there yet.
fn prepare(weights: Weights, encoder: &Path, setting: &Setting) -> Result<(), Failure> {
    let folder = setting.models.join(onnx_name(weights));
    if weights == Weights::Gguf || folder.join("config.json").is_file() {
        return Ok(());
    }
    fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    let mut python = Command::new(setting.peers.python());
    python.arg(setting.root.join("crates/mome-bench/peers/write_reader_onnx.py")).arg(encoder).arg(&folder);
    python.args((weights == Weights::OnnxRows).then_some("--rows"));
    program::run("write_reader_onnx.py", &mut python)
}

fn show(contender: &Contender, record: &Record) {
    let milliseconds =
        |seconds: Option<f64>| seconds.map_or("-".to_owned(), |seconds| format!("{:.2} ms", 1e3 * seconds));
    let note = record.note.as_deref().unwrap_or_default();
    let Contender { device, engine, weights } = contender;
    let (reading, judging) = (milliseconds(record.read_seconds), milliseconds(record.judge_seconds));
    let device = device.to_string();
    println!("  {device:17} {engine:16} {weights:27} reading {reading:>10}  judging {judging:>10}  {note}");
    // Progress is shown as it is made, also where standard output is a file.
    let _ = std::io::stdout().flush();
}
