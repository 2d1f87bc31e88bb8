//! How models are to be opened.

use std::str::FromStr;

use crate::cpu::CpuOptions;

/// Which device is to run a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A hardware GPU where there is one, else the CPU: a GPU that is emulated in software is slower.
    #[default]
    Auto,
    /// Any GPU that wgpu offers, emulated ones too; an error where there is none.
    Gpu,
    /// The CPU.
    Cpu,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "gpu" => Ok(Self::Gpu),
            "cpu" => Ok(Self::Cpu),
            other => Err(format!("device `{other}` is not known: use auto, gpu or cpu")),
        }
    }
}

/// How a model is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Which device runs it.
    pub device: DeviceChoice,
    /// How the CPU runs it, where it does.
    pub cpu: CpuOptions,
    /// Whether a GPU has to compute a small model as the CPU does before it is used: some drivers compute wrongly.
    pub self_check: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { device: DeviceChoice::default(), cpu: CpuOptions::default(), self_check: true }
    }
}

impl From<DeviceChoice> for OpenOptions {
    fn from(device: DeviceChoice) -> Self {
        Self { device, ..Self::default() }
    }
}
