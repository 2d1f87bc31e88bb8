//! The whole run: every model, on every device, by every engine that is there, in turns.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::contender::{self, Device, Engine, Model, Setting};
use crate::failure::Failure;
use crate::model;
use crate::program;
use crate::record::Record;
use crate::shape::{CONTEXT, Quantization, Shape};

/// A measurement that takes longer is made once, not once a round.
const SLOW: Duration = Duration::from_secs(15);

/// The seed of all weights.
const SEED: u64 = 1;

/// What is to be measured.
pub struct Plan {
    /// The shapes of the models.
    pub shapes: Vec<Shape>,
    /// Where they run.
    pub devices: Vec<Device>,
    /// How often each measurement is made; the best counts.
    pub rounds: usize,
}

/// The best that one engine did with one model on one device.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The model's shape, as `width/layers/feed-forward/vocabulary`.
    pub shape: String,
    /// How its matrices are stored.
    pub quantization: Quantization,
    /// Where it ran.
    pub device: Device,
    /// What ran it.
    pub engine: Engine,
    /// The numbers.
    #[serde(flatten)]
    pub record: Record,
}

impl Measured {
    /// Whether not even the rate of decoding is known.
    fn told_nothing(&self) -> bool {
        self.record.decode_tokens_per_second.is_none()
    }
}

/// Measures everything. The engines take turns, so that a slow minute of the machine hits all of them. A rival that
/// decoded nothing with one model is not tried with the next, which is larger as a rule.
///
/// # Errors
/// Where a model cannot be written. An engine that fails is noted in its record.
pub fn run(plan: &Plan, setting: &Setting) -> Result<Vec<Measured>, Failure> {
    let mut measured: Vec<Measured> = Vec::new();
    for shape in &plan.shapes {
        for quantization in [Quantization::Q8_0, Quantization::Q4_0] {
            let model = Model { shape: *shape, quantization };
            println!("{shape} {quantization}");
            prepare(model, setting)?;
            let contenders = contenders(plan, setting, &measured);
            measured.extend(measure_model(model, &contenders, plan.rounds, setting));
        }
    }
    Ok(measured)
}

/// All engines on all devices, without the rivals that told nothing the last time.
fn contenders(plan: &Plan, setting: &Setting, measured: &[Measured]) -> Vec<(Device, Engine)> {
    let hopeless = |(device, engine): &(Device, Engine)| {
        let mut results = measured.iter().rev();
        let last = results.find(|result| (result.device, result.engine) == (*device, *engine));
        *engine != Engine::Mome && last.is_some_and(Measured::told_nothing)
    };
    let engines = |device: &Device| {
        let device = *device;
        contender::engines(device, setting).into_iter().map(move |engine| (device, engine))
    };
    plan.devices.iter().flat_map(engines).filter(|contender| !hopeless(contender)).collect()
}

fn measure_model(
    model: Model,
    contenders: &[(Device, Engine)],
    rounds: usize,
    setting: &Setting,
) -> Vec<Measured> {
    let mut standing: Vec<(Device, Engine, Option<Record>, bool)> =
        contenders.iter().map(|(device, engine)| (*device, *engine, None, false)).collect();
    for _ in 0..rounds {
        for (device, engine, best, slow) in standing.iter_mut().filter(|(.., slow)| !slow) {
            let begin = Instant::now();
            let record = measure_once(&mut contender::command(*engine, *device, model, setting));
            *slow = begin.elapsed() > SLOW;
            show(*device, *engine, &record);
            *best = Some(match best.take() {
                Some(best) => best.best(record),
                None => record,
            });
        }
    }
    let named = |(device, engine, record, _): (_, _, Option<Record>, _)| Measured {
        shape: model.shape.to_string(),
        quantization: model.quantization,
        device,
        engine,
        record: record.unwrap_or_default(),
    };
    standing.into_iter().map(named).collect()
}

/// Runs a measuring program; what goes wrong is a note.
fn measure_once(command: &mut Command) -> Record {
    program::record(command).unwrap_or_else(|problem| Record { note: Some(problem), ..Record::default() })
}

fn show(device: Device, engine: Engine, record: &Record) {
    let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"));
    let (prefill, decode) = (record.prefill_tokens_per_second, record.decode_tokens_per_second);
    let note = record.note.as_deref().unwrap_or_default();
    let name = device.to_string();
    println!("  {name:17} {engine:16} prefill {:>9}  decode {:>9}  {note}", rate(prefill), rate(decode));
    // Progress is shown as it is made, also where standard output is a file.
    let _ = std::io::stdout().flush();
}

/// Writes the files of a model that are not there yet.
fn prepare(model: Model, setting: &Setting) -> Result<(), Failure> {
    fs::create_dir_all(&setting.models).map_err(Failure::file(&setting.models))?;
    let gguf = setting.models.join(format!("{}.gguf", model.name()));
    if !gguf.is_file() {
        let part = gguf.with_extension("part");
        let written = model::write(&part, model.shape, model.quantization, SEED);
        written.and_then(|()| fs::rename(&part, &gguf)).map_err(Failure::file(&gguf))?;
    }
    let onnx = setting.models.join(model.name());
    if setting.peers.transformers && !onnx.join("config.json").is_file() {
        write_onnx(model, &onnx, setting)?;
    }
    Ok(())
}

fn write_onnx(model: Model, folder: &Path, setting: &Setting) -> Result<(), Failure> {
    let shape = model.shape;
    let script = setting.root.join("crates/mome-bench/peers/write_onnx.py");
    let mut python = Command::new(setting.peers.python());
    python.arg(script).arg(folder);
    for (name, value) in [
        ("--hidden", shape.hidden),
        ("--layers", shape.layers),
        ("--feed-forward", shape.feed_forward),
        ("--vocabulary", shape.vocabulary),
        ("--heads", shape.heads),
        ("--kv-heads", shape.kv_heads),
        ("--context", CONTEXT),
        ("--bits", model.quantization.bits()),
    ] {
        python.args([name, &value.to_string()]);
    }
    program::run("write_onnx.py", &mut python)
}
