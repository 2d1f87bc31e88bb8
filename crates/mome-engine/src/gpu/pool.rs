//! What the passes of one sequence share, so that a pass makes nothing anew that an earlier one had.

use std::collections::HashMap;

use wgpu::{BindGroup, Buffer, BufferUsages, ComputePipeline};

use super::device::Gpu;
use super::kernels::Kernel;
use crate::EngineError;

/// Bind groups that are kept; where there are more all are dropped.
const MOST_BIND_GROUPS: usize = 1 << 13;

/// Buffers and bind groups of a sequence's passes, of which one runs at a time.
#[derive(Default)]
pub(super) struct Pool {
    /// By label: every label stands for one buffer of a pass.
    buffers: HashMap<&'static str, Buffer>,
    bind_groups: HashMap<Bindings, BindGroup>,
    /// The uniforms of all dispatches.
    parameters: Option<Buffer>,
    /// What a pass is read back through.
    staging: Option<Buffer>,
}

/// What a dispatch binds.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Bindings {
    pub pipeline: ComputePipeline,
    /// Offset and size of the dispatch's uniform among the parameters.
    pub uniform: (u64, u64),
    /// Storage buffers and their binding numbers.
    pub storage: Vec<(u32, Buffer)>,
}

impl Pool {
    /// The buffer of that label, with room for `rows` rows of `columns` values of four bytes.
    ///
    /// # Errors
    /// As [`Gpu::storage`].
    pub fn storage(
        &mut self,
        gpu: &Gpu,
        label: &'static str,
        rows: usize,
        columns: usize,
    ) -> Result<Buffer, EngineError> {
        let bytes = (rows as u64).saturating_mul(columns as u64).saturating_mul(4);
        if let Some(buffer) = self.buffers.get(label).filter(|buffer| buffer.size() >= bytes) {
            return Ok(buffer.clone());
        }
        let buffer = gpu.storage(label, rows, columns)?;
        if self.buffers.insert(label, buffer.clone()).is_some() {
            // Some of them hold the buffer that is replaced.
            self.bind_groups.clear();
        }
        Ok(buffer)
    }

    /// Puts the uniforms of a pass on the device.
    pub fn write_parameters(&mut self, gpu: &Gpu, parameters: &[u8]) {
        if parameters.is_empty() {
            return;
        }
        let size = parameters.len() as u64;
        let fits = self.parameters.as_ref().is_some_and(|buffer| buffer.size() >= size);
        if !fits {
            self.bind_groups.clear();
            let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
            self.parameters = Some(create(gpu, "parameters", size.next_power_of_two(), usage));
        }
        if let Some(buffer) = &self.parameters {
            gpu.queue.write_buffer(buffer, 0, parameters);
        }
        if self.bind_groups.len() > MOST_BIND_GROUPS {
            self.bind_groups.clear();
        }
    }

    /// The bind group of a dispatch of `kernel`.
    pub fn bind_group(&mut self, gpu: &Gpu, kernel: &Kernel, bindings: &Bindings) -> Option<&BindGroup> {
        let parameters = self.parameters.as_ref()?;
        if !self.bind_groups.contains_key(bindings) {
            let (offset, size) = bindings.uniform;
            let uniform = wgpu::BufferBinding { buffer: parameters, offset, size: size.try_into().ok() };
            let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
            let mut entries = vec![entry(0, wgpu::BindingResource::Buffer(uniform))];
            entries.extend(
                bindings.storage.iter().map(|(binding, buffer)| entry(*binding, buffer.as_entire_binding())),
            );
            let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &kernel.layout,
                entries: &entries,
            });
            self.bind_groups.insert(bindings.clone(), group);
        }
        self.bind_groups.get(bindings)
    }

    /// Takes out a buffer to read `bytes` bytes back through. It comes back with [`Self::give_back`], unless the pass
    /// fails, or nobody waits for its end.
    pub fn take_staging(&mut self, gpu: &Gpu, bytes: u64) -> Buffer {
        let kept = self.staging.take().filter(|buffer| buffer.size() >= bytes);
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        kept.unwrap_or_else(|| create(gpu, "readback", bytes.next_multiple_of(4), usage))
    }

    /// Keeps a buffer for the next pass that reads back.
    pub fn give_back(&mut self, staging: Buffer) {
        self.staging = Some(staging);
    }
}

fn create(gpu: &Gpu, label: &str, size: u64, usage: BufferUsages) -> Buffer {
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage,
        mapped_at_creation: false,
    })
}
