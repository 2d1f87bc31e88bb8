//! The choice of a device.

use std::str::FromStr;
use std::sync::Arc;

use mome_backbone::Backbone;

use crate::{CpuExecutor, EngineError, Executor, GpuExecutor};

/// Which device is to run the backbone.
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

/// Puts the backbone on the chosen device. With the executor comes, where `auto` did not take a GPU, the reason.
///
/// # Errors
/// [`EngineError::NoGpu`] where a GPU was demanded and there is none, and what loading the weights reports.
pub async fn open(
    backbone: Arc<Backbone>,
    choice: DeviceChoice,
) -> Result<(Arc<dyn Executor>, Option<String>), EngineError> {
    if choice == DeviceChoice::Cpu {
        return Ok((Arc::new(CpuExecutor::new(backbone)?), None));
    }
    match GpuExecutor::new(backbone.clone(), choice == DeviceChoice::Gpu).await {
        Ok(gpu) => Ok((Arc::new(gpu), None)),
        Err(EngineError::NoGpu(reason)) if choice == DeviceChoice::Auto => {
            Ok((Arc::new(CpuExecutor::new(backbone)?), Some(reason)))
        }
        Err(error) => Err(error),
    }
}
