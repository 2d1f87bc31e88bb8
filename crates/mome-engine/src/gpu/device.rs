//! The GPU itself: choosing an adapter, opening it, making buffers, noticing failures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Pod;
use futures::channel::oneshot;
use wgpu::{Adapter, Buffer, BufferUsages, Device, DeviceType, ErrorFilter, Queue};

use super::kernels::{Features, Lanes, Variant};
use crate::EngineError;

/// Names by which software adapters go, for browsers that don't say what type an adapter has.
const SOFTWARE_ADAPTERS: [&str; 4] = ["swiftshader", "llvmpipe", "lavapipe", "basic render"];

/// Features that kernels have a variant for.
const OPTIONAL_FEATURES: wgpu::Features = wgpu::Features::SHADER_F16.union(wgpu::Features::SUBGROUP);

/// How many bytes may wait to be copied to the device: writes are staged in memory until they are submitted.
const MOST_STAGED: u64 = 8 << 20;

/// An opened device with its queue.
#[derive(Clone)]
pub(super) struct Gpu {
    pub device: Device,
    pub queue: Queue,
    /// The adapter in words: `gpu: ` and its name.
    pub name: String,
    /// The most bytes of a buffer that a kernel is given.
    pub binding_limit: u64,
    /// Whether the adapter is emulated in software.
    pub software: bool,
    /// Bytes written and not yet submitted.
    staged: Arc<AtomicU64>,
    failure: Failure,
}

impl Gpu {
    /// Opens the adapter that the system prefers and makes it ready with `ready`. Where that fails, it is tried again
    /// without optional features: they are where drivers differ most, and the plain kernels may still do. Adapters that
    /// are emulated in software are refused unless `allow_software` is set.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where there is no adapter to use, or `ready` fails on the device; its other errors.
    pub async fn open_ready<T>(
        allow_software: bool,
        ready: impl AsyncFn(Self) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let gpu = Self::open(allow_software).await?;
        let name = gpu.name.clone();
        let uses_features = gpu.variant().features != Features::default();
        let mut result = ready(gpu).await;
        if result.is_err() && uses_features {
            result = ready(Self::open_plain(allow_software).await?).await;
        }
        result.map_err(|error| match error {
            EngineError::Gpu(problem) => EngineError::NoGpu(format!("{name} failed: {problem}")),
            EngineError::NoGpu(problem) => EngineError::NoGpu(format!("{name} {problem}")),
            other => other,
        })
    }

    /// Opens the adapter that the system prefers, with WebGPU's default limits and those optional features that the
    /// kernels use and the adapter has.
    ///
    /// # Errors
    /// [`EngineError::NoGpu`] where there is no adapter, it cannot be opened, or it is emulated in software and
    /// that is not allowed.
    pub async fn open(allow_software: bool) -> Result<Self, EngineError> {
        Self::open_with(allow_software, OPTIONAL_FEATURES).await
    }

    /// As [`Self::open`], with WebGPU's default limits and no features.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_plain(allow_software: bool) -> Result<Self, EngineError> {
        Self::open_with(allow_software, wgpu::Features::empty()).await
    }

    async fn open_with(allow_software: bool, optional: wgpu::Features) -> Result<Self, EngineError> {
        let instance = wgpu::Instance::default();
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance
            .request_adapter(&options)
            .await
            .map_err(|error| EngineError::NoGpu(error.to_string()))?;
        let name = adapter_name(&adapter);
        let software = is_software(&adapter);
        if software && !allow_software {
            return Err(EngineError::NoGpu(format!("the only GPU at hand, {name}, is emulated in software")));
        }
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("mome"),
                required_features: adapter.features() & optional,
                ..Default::default()
            })
            .await
            .map_err(|error| EngineError::NoGpu(format!("{name} cannot be opened: {error}")))?;

        let binding_limit = device.limits().max_storage_buffer_binding_size;
        let failure = Failure::default();
        let lost = failure.clone();
        device.set_device_lost_callback(move |_, message| {
            lost.record(format!("the device was lost: {message}"));
        });
        let uncaptured = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| uncaptured.record(error.to_string())));
        let (name, staged) = (format!("gpu: {name}"), Arc::default());
        Ok(Self { device, queue, name, binding_limit, software, staged, failure })
    }

    /// The optional features that the device has.
    pub fn features(&self) -> Features {
        let features = self.device.features();
        Features {
            f16: features.contains(wgpu::Features::SHADER_F16),
            subgroups: features.contains(wgpu::Features::SUBGROUP),
        }
    }

    /// The kernels that serve the adapter best. Software adapters gain nothing from optional features.
    pub fn variant(&self) -> Variant {
        match self.software {
            true => Lanes::Alone.into(),
            false => Variant { lanes: Lanes::Together, features: self.features() },
        }
    }

    /// Does `work` on the device and reports what the device finds wrong with it.
    ///
    /// # Errors
    /// Those of `work`, then [`EngineError::Gpu`] with the first error that the device noticed.
    pub async fn checked<T>(&self, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
        let (result, errors) = {
            let internal = self.device.push_error_scope(ErrorFilter::Internal);
            let memory = self.device.push_error_scope(ErrorFilter::OutOfMemory);
            let validation = self.device.push_error_scope(ErrorFilter::Validation);
            (work(), [validation.pop(), memory.pop(), internal.pop()])
        };
        for error in errors {
            if let Some(error) = error.await {
                self.failure.record(error.to_string());
            }
        }
        self.failure.check()?;
        result
    }

    /// Makes a buffer that kernels read and write, for `rows` rows of `columns` values of four bytes.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where it is larger than what kernels can be given at once (`label` says what for), or the
    /// device failed before.
    pub fn storage(&self, label: &str, rows: usize, columns: usize) -> Result<Buffer, EngineError> {
        self.failure.check()?;
        let limit = self.binding_limit;
        let bytes = (rows as u64).saturating_mul(columns as u64).saturating_mul(4);
        if bytes > limit {
            return Err(EngineError::Gpu(format!("{label} takes {bytes} bytes, a buffer may have {limit}")));
        }
        // Sizes are whole vectors, so that a kernel can read any buffer in fours.
        let size = bytes.next_multiple_of(16).max(16);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let label = Some(label);
        Ok(self.device.create_buffer(&wgpu::BufferDescriptor {
            label,
            size,
            usage,
            mapped_at_creation: false,
        }))
    }

    /// Makes a buffer like [`Self::storage`] and fills it with values that are made of four-byte ones.
    ///
    /// # Errors
    /// As [`Self::storage`].
    pub fn upload<T: Pod>(&self, label: &str, values: &[T]) -> Result<Buffer, EngineError> {
        let buffer = self.storage(label, values.len(), size_of::<T>() / 4)?;
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(values));
        Ok(buffer)
    }

    /// Writes bytes, a multiple of four, into a buffer. However much is written, little of it waits in memory.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed meanwhile.
    pub fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        self.queue.write_buffer(buffer, offset, bytes);
        let length = bytes.len() as u64;
        if self.staged.fetch_add(length, Ordering::Relaxed) + length > MOST_STAGED {
            self.staged.store(0, Ordering::Relaxed);
            self.queue.submit([]);
            self.wait()?;
        }
        Ok(())
    }

    /// Waits for everything submitted. In the browser it does nothing: there the event loop brings results.
    fn wait(&self) -> Result<(), EngineError> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        polled.map(|_| ()).map_err(|error| self.failure.or(error.to_string()))
    }

    /// Begins to bring back the first `bytes` bytes of a buffer that can be mapped, as they are when everything
    /// submitted so far is done.
    pub fn begin_read(&self, buffer: Buffer, bytes: u64) -> Read {
        let (sender, done) = oneshot::channel();
        buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| {
            // The receiver is gone where the caller gave up waiting.
            let _ = sender.send(result);
        });
        Read { buffer, bytes, done }
    }

    /// Waits for what [`Self::begin_read`] began. Gives the bytes, and the buffer to be used again.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] where the device failed meanwhile.
    pub async fn finish_read(&self, read: Read) -> Result<(Vec<u8>, Buffer), EngineError> {
        self.wait()?;
        match read.done.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.failure.or(error.to_string())),
            Err(_) => return Err(self.failure.or("the device dropped a read".to_owned())),
        }
        self.failure.check()?;
        let view = read.buffer.get_mapped_range(..read.bytes);
        let bytes = view.map_err(|error| self.failure.or(error.to_string()))?.to_vec();
        read.buffer.unmap();
        Ok((bytes, read.buffer))
    }
}

/// Bytes on their way back from the device.
pub(super) struct Read {
    buffer: Buffer,
    bytes: u64,
    done: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
}

fn adapter_name(adapter: &Adapter) -> String {
    let name = adapter.get_info().name;
    // Browsers may keep the name to themselves.
    if name.is_empty() { "WebGPU adapter".to_owned() } else { name }
}

fn is_software(adapter: &Adapter) -> bool {
    let info = adapter.get_info();
    let words = format!("{} {}", info.name, info.driver).to_lowercase();
    info.device_type == DeviceType::Cpu || SOFTWARE_ADAPTERS.iter().any(|name| words.contains(name))
}

/// The first thing that went wrong on a device, if anything did. After it nothing on the device is trusted.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    fn record(&self, message: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    }

    fn check(&self) -> Result<(), EngineError> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(message) => Err(EngineError::Gpu(message.clone())),
            None => Ok(()),
        }
    }

    /// The recorded failure, which explains more than what followed from it, or else `message`.
    fn or(&self, message: String) -> EngineError {
        self.check().err().unwrap_or(EngineError::Gpu(message))
    }
}
