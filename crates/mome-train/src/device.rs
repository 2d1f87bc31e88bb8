//! The device that training runs on.

use burn::tensor::Device;

/// The CPU, through burn's `flex` backend.
#[cfg(not(feature = "wgpu"))]
pub(crate) fn training_device() -> Device {
    Device::flex()
}

/// The GPU that wgpu prefers, through burn-wgpu.
#[cfg(feature = "wgpu")]
pub(crate) fn training_device() -> Device {
    Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)
}
