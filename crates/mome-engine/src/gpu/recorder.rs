//! Collects the work of one pass and submits it as one command buffer.

use std::ops::Range;

use bytemuck::Pod;
use wgpu::{Buffer, BufferUsages, CommandEncoder};

use super::device::Gpu;
use super::kernels::{Kernel, Kernels};
use crate::EngineError;

/// Offsets of uniform bindings are multiples of this (`minUniformBufferOffsetAlignment`).
const UNIFORM_ALIGNMENT: usize = 256;

/// Dispatches and copies in the order in which they are to run.
pub(super) struct Recorder<'a> {
    pub gpu: &'a Gpu,
    pub kernels: &'a Kernels,
    steps: Vec<Step>,
    /// The parameters of all dispatches, each at a multiple of [`UNIFORM_ALIGNMENT`].
    parameters: Vec<u8>,
    /// How many bytes are to be brought back.
    readback: u64,
}

enum Step {
    Dispatch { kernel: Kernel, parameters: Range<usize>, bindings: Vec<(u32, Buffer)>, groups: [u32; 3] },
    Copy { source: Buffer, source_offset: u64, target: Buffer, target_offset: u64, bytes: u64 },
    Read { source: Buffer, target_offset: u64, bytes: u64 },
}

/// Where in a [`Readback`] the bytes of one [`Recorder::read`] lie.
pub(super) struct Segment(Range<usize>);

impl<'a> Recorder<'a> {
    pub fn new(gpu: &'a Gpu, kernels: &'a Kernels) -> Self {
        Self { gpu, kernels, steps: Vec::new(), parameters: Vec::new(), readback: 0 }
    }

    /// Runs a kernel over `groups` workgroups. `parameters` are the words of its uniform at binding 0.
    pub fn dispatch(
        &mut self,
        kernel: &Kernel,
        parameters: &[u32],
        bindings: &[(u32, &Buffer)],
        groups: [usize; 3],
    ) {
        self.parameters.resize(self.parameters.len().next_multiple_of(UNIFORM_ALIGNMENT), 0);
        let start = self.parameters.len();
        self.parameters.extend_from_slice(bytemuck::cast_slice(parameters));
        self.steps.push(Step::Dispatch {
            kernel: kernel.clone(),
            parameters: start..self.parameters.len(),
            bindings: bindings.iter().map(|(binding, buffer)| (*binding, (*buffer).clone())).collect(),
            groups: groups.map(|count| count as u32),
        });
    }

    /// Copies `count` values of four bytes each; offsets count values too.
    pub fn copy(&mut self, source: &Buffer, from: usize, target: &Buffer, to: usize, count: usize) {
        self.steps.push(Step::Copy {
            source: source.clone(),
            source_offset: 4 * from as u64,
            target: target.clone(),
            target_offset: 4 * to as u64,
            bytes: 4 * count as u64,
        });
    }

    /// Brings back the first `count` values of four bytes each, as they are at this point.
    pub fn read(&mut self, source: &Buffer, count: usize) -> Segment {
        let (target_offset, bytes) = (self.readback, 4 * count as u64);
        self.readback += bytes;
        self.steps.push(Step::Read { source: source.clone(), target_offset, bytes });
        Segment(target_offset as usize..self.readback as usize)
    }

    /// Submits everything and waits for what is to be brought back.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] with what the device reports.
    pub async fn submit(self) -> Result<Readback, EngineError> {
        let gpu = self.gpu;
        let staging = gpu.checked(|| self.encode()).await?;
        match staging {
            Some(buffer) => Ok(Readback(gpu.read(&buffer).await?)),
            None => Ok(Readback(Vec::new())),
        }
    }

    /// Encodes and submits the steps; gives the buffer that they are read back through.
    fn encode(self) -> Result<Option<Buffer>, EngineError> {
        let device = &self.gpu.device;
        let limit = device.limits().max_buffer_size;
        if self.readback > limit {
            return Err(EngineError::Gpu(format!(
                "{} bytes to bring back, a buffer may have {limit}",
                self.readback
            )));
        }
        let buffer = |label, size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let staging = (self.readback > 0)
            .then(|| buffer("readback", self.readback, BufferUsages::MAP_READ | BufferUsages::COPY_DST));
        let arena_size = self.parameters.len().next_multiple_of(UNIFORM_ALIGNMENT) as u64;
        let arena = buffer("parameters", arena_size, BufferUsages::UNIFORM | BufferUsages::COPY_DST);
        self.gpu.queue.write_buffer(&arena, 0, &self.parameters);

        let mut encoder =
            device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("pass") });
        for steps in self.steps.chunk_by(|a, b| a.is_dispatch() && b.is_dispatch()) {
            match steps {
                [Step::Copy { source, source_offset, target, target_offset, bytes }] => {
                    encoder.copy_buffer_to_buffer(source, *source_offset, target, *target_offset, *bytes);
                }
                [Step::Read { source, target_offset, bytes }] => {
                    if let Some(staging) = &staging {
                        encoder.copy_buffer_to_buffer(source, 0, staging, *target_offset, *bytes);
                    }
                }
                dispatches => encode_dispatches(self.gpu, &mut encoder, &arena, dispatches),
            }
        }
        self.gpu.queue.submit([encoder.finish()]);
        Ok(staging)
    }
}

impl Step {
    fn is_dispatch(&self) -> bool {
        matches!(self, Self::Dispatch { .. })
    }
}

/// Encodes neighbouring dispatches as one compute pass.
fn encode_dispatches(gpu: &Gpu, encoder: &mut CommandEncoder, arena: &Buffer, steps: &[Step]) {
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    for step in steps {
        let Step::Dispatch { kernel, parameters, bindings, groups: [x, y, z] } = step else { continue };
        let uniform = wgpu::BufferBinding {
            buffer: arena,
            offset: parameters.start as u64,
            size: (parameters.len() as u64).try_into().ok(),
        };
        let uniform = wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) };
        let storage = bindings.iter().map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding: *binding,
            resource: buffer.as_entire_binding(),
        });
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.layout,
            entries: &std::iter::once(uniform).chain(storage).collect::<Vec<_>>(),
        });
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(*x, *y, *z);
    }
}

/// What a submission brought back.
pub(super) struct Readback(Vec<u8>);

impl Readback {
    /// The values of a segment.
    pub fn values<T: Pod>(&self, segment: &Segment) -> Vec<T> {
        bytemuck::pod_collect_to_vec(&self.0[segment.0.clone()])
    }
}
