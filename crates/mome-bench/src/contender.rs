//! Who is measured where: engines on devices, and the programs that measure them.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::peers::Peers;
use crate::shape::{Quantization, Shape};

/// Seconds after which a browser's measurement is cut off; what it found until then counts.
const BROWSER_LIMIT: f64 = 60.0;

/// Where a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The CPU, one thread
    Cpu1,
    /// The CPU, two threads
    Cpu2,
    /// The GPU that the system prefers, natively
    Gpu,
    /// Chromium's software GPU, natively
    Swiftshader,
    /// Chromium, WebAssembly, one thread
    ChromiumCpu,
    /// Chromium, WebGPU
    ChromiumGpu,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cpu1 => "CPU, 1 thread",
            Self::Cpu2 => "CPU, 2 threads",
            Self::Gpu => "GPU",
            Self::Swiftshader => "SwiftShader",
            Self::ChromiumCpu => "Chromium, CPU",
            Self::ChromiumGpu => "Chromium, WebGPU",
        })
    }
}

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Engine {
    /// This project's engine.
    Mome,
    /// <https://github.com/ggml-org/llama.cpp>
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    /// <https://github.com/ngxson/wllama>
    #[serde(rename = "wllama")]
    Wllama,
    /// <https://github.com/huggingface/transformers.js>
    #[serde(rename = "transformers.js")]
    TransformersJs,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mome => "Mome",
            Self::LlamaCpp => "llama.cpp",
            Self::Wllama => "wllama",
            Self::TransformersJs => "transformers.js",
        })
    }
}

/// What measuring needs from the machine.
pub struct Setting {
    /// The root of the workspace.
    pub root: PathBuf,
    /// Models, named by width and quantisation.
    pub models: PathBuf,
    /// Other runtimes.
    pub peers: Peers,
    /// The Vulkan driver manifest of Chromium's software GPU.
    pub swiftshader: Option<PathBuf>,
    /// Chromium, where there is one to drive.
    pub chromium: Option<PathBuf>,
    /// Seconds for prefill and decode each.
    pub seconds: f64,
}

/// A model that is measured.
#[derive(Clone, Copy)]
pub struct Model {
    /// Its shape.
    pub shape: Shape,
    /// How its matrices are stored.
    pub quantization: Quantization,
}

impl Model {
    /// Its name among the models: a GGUF file, and a folder for ONNX.
    pub fn name(self) -> String {
        format!("{}-{}", self.shape.hidden, self.quantization)
    }
}

/// The engines to measure on a device, of those that are there.
pub fn engines(device: Device, setting: &Setting) -> Vec<Engine> {
    let peers = &setting.peers;
    let (there, rivals): (bool, &[(Engine, bool)]) = match device {
        Device::Cpu1 | Device::Cpu2 => (true, &[(Engine::LlamaCpp, peers.llama_cpp)]),
        Device::Gpu => (true, &[]),
        Device::Swiftshader => (setting.swiftshader.is_some(), &[]),
        Device::ChromiumCpu => (
            setting.chromium.is_some(),
            &[(Engine::Wllama, peers.wllama), (Engine::TransformersJs, peers.transformers)],
        ),
        Device::ChromiumGpu => (setting.chromium.is_some(), &[(Engine::TransformersJs, peers.transformers)]),
    };
    let rivals = rivals.iter().filter(|(_, there)| *there).map(|(engine, _)| *engine);
    std::iter::once(Engine::Mome).chain(rivals).filter(|_| there).collect()
}

/// The command that measures an engine on a device and prints a [`Record`](crate::record::Record).
pub fn command(engine: Engine, device: Device, model: Model, setting: &Setting) -> Command {
    match device {
        Device::ChromiumCpu => in_chromium(engine, "cpu", model, setting),
        Device::ChromiumGpu => in_chromium(engine, "gpu", model, setting),
        Device::Cpu1 | Device::Cpu2 if engine == Engine::LlamaCpp => {
            let mut python = Command::new(setting.peers.python());
            python.arg(setting.root.join("crates/mome-bench/peers/measure_llama_cpp.py"));
            python.arg(gguf(model, setting)).arg(threads(device).to_string());
            python.args(["--seconds", &setting.seconds.to_string()]);
            python
        }
        _ => natively(device, model, setting),
    }
}

fn threads(device: Device) -> usize {
    if device == Device::Cpu2 { 2 } else { 1 }
}

fn gguf(model: Model, setting: &Setting) -> PathBuf {
    setting.models.join(format!("{}.gguf", model.name()))
}

/// This program again, so that memory and threads are those of one measurement.
pub fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap_or_else(|_| PathBuf::from("mome-bench")))
}

fn natively(device: Device, model: Model, setting: &Setting) -> Command {
    let mut command = this_program();
    command.arg("measure").arg(gguf(model, setting));
    command.args(["--seconds", &setting.seconds.to_string()]);
    match device {
        Device::Cpu1 | Device::Cpu2 => {
            command.args(["--device", "cpu", "--threads", &threads(device).to_string()]);
        }
        _ => {
            command.args(["--device", "gpu"]);
        }
    }
    if let (Device::Swiftshader, Some(driver)) = (device, &setting.swiftshader) {
        command.env("VK_DRIVER_FILES", driver);
    }
    command
}

fn in_chromium(engine: Engine, device: &str, model: Model, setting: &Setting) -> Command {
    let job = serde_json::json!({
        "subject": "backbone",
        "engine": page_engine(engine),
        "model": format!("/model/{}", model.name()),
        "quantisation": model.quantization.to_string(),
        "device": device,
        "vocabulary": model.shape.vocabulary,
        "seconds": setting.seconds,
        "models": setting.models.to_string_lossy(),
    });
    chromium(job, setting)
}

/// What `web/bench/engines` calls an engine.
pub fn page_engine(engine: Engine) -> &'static str {
    match engine {
        Engine::Wllama => "wllama",
        Engine::TransformersJs => "transformers",
        Engine::Mome | Engine::LlamaCpp => "mome",
    }
}

/// The command that measures in Chromium, on one thread, what a job says.
pub fn chromium(mut job: serde_json::Value, setting: &Setting) -> Command {
    job["threads"] = 1.into();
    job["limit"] = BROWSER_LIMIT.into();
    job["peers"] = setting.peers.node_modules().to_string_lossy().into();
    let mut node = Command::new("node");
    node.arg(setting.root.join("web/bench/main.mjs")).arg(job.to_string());
    if let Some(chromium) = &setting.chromium {
        node.env("CHROMIUM", chromium);
    }
    node
}
