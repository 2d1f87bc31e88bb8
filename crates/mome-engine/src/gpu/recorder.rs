//! Collects the work of one pass and submits it as one command buffer.

use std::collections::HashMap;
use std::ops::Range;

use bytemuck::Pod;
use wgpu::{Buffer, CommandEncoder};

use super::device::{Gpu, Read};
use super::kernels::{Kernel, Kernels};
use super::pool::{Bindings, Pool};
use crate::EngineError;

/// Offsets of uniform bindings are multiples of this (`minUniformBufferOffsetAlignment`).
const UNIFORM_ALIGNMENT: usize = 256;

/// Dispatches and copies in the order in which they are to run, with the kernels of a backbone or of another model.
pub(super) struct Recorder<'a, K = Kernels> {
    pub gpu: &'a Gpu,
    pub kernels: &'a K,
    pool: &'a mut Pool,
    steps: Vec<Step>,
    /// The parameters of all dispatches, each at a multiple of [`UNIFORM_ALIGNMENT`].
    parameters: Vec<u8>,
    /// Where which parameters are: many dispatches have the same.
    placed: HashMap<Vec<u32>, (u64, u64)>,
    /// How many bytes are to be brought back.
    readback: u64,
}

enum Step {
    Dispatch { kernel: Kernel, bindings: Bindings, groups: [u32; 3] },
    Copy { source: Buffer, source_offset: u64, target: Buffer, target_offset: u64, bytes: u64 },
    Read { source: Buffer, target_offset: u64, bytes: u64 },
}

/// Where in a [`Readback`] the bytes of one [`Recorder::read`] lie.
pub(super) struct Segment(Range<usize>);

impl<'a, K> Recorder<'a, K> {
    pub fn new(gpu: &'a Gpu, kernels: &'a K, pool: &'a mut Pool) -> Self {
        Self {
            gpu,
            kernels,
            pool,
            steps: Vec::new(),
            parameters: Vec::new(),
            placed: HashMap::new(),
            readback: 0,
        }
    }

    /// A buffer for this pass, with room for `rows` rows of `columns` values of four bytes. There is one for each
    /// label; what is in it is what an earlier pass left.
    ///
    /// # Errors
    /// As [`Gpu::storage`].
    pub fn storage(
        &mut self,
        label: &'static str,
        rows: usize,
        columns: usize,
    ) -> Result<Buffer, EngineError> {
        self.pool.storage(self.gpu, label, rows, columns)
    }

    /// A buffer like [`Self::storage`], filled with values that are made of four-byte ones before the pass runs.
    ///
    /// # Errors
    /// As [`Gpu::storage`].
    pub fn upload<T: Pod>(&mut self, label: &'static str, values: &[T]) -> Result<Buffer, EngineError> {
        let buffer = self.storage(label, values.len(), size_of::<T>() / 4)?;
        self.gpu.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(values));
        Ok(buffer)
    }

    /// Runs a kernel over `groups` workgroups. `parameters` are the words of its uniform at binding 0.
    pub fn dispatch(
        &mut self,
        kernel: &Kernel,
        parameters: &[u32],
        bindings: &[(u32, &Buffer)],
        groups: [usize; 3],
    ) {
        let bindings = Bindings {
            pipeline: kernel.pipeline.clone(),
            uniform: self.place(parameters),
            storage: bindings.iter().map(|(binding, buffer)| (*binding, (*buffer).clone())).collect(),
        };
        let groups = groups.map(|count| count as u32);
        self.steps.push(Step::Dispatch { kernel: kernel.clone(), bindings, groups });
    }

    /// Where the parameters are, offset and size in bytes.
    fn place(&mut self, parameters: &[u32]) -> (u64, u64) {
        if let Some(place) = self.placed.get(parameters) {
            return *place;
        }
        let start = self.parameters.len().next_multiple_of(UNIFORM_ALIGNMENT);
        self.parameters.resize(start, 0);
        self.parameters.extend_from_slice(bytemuck::cast_slice(parameters));
        let place = (start as u64, (self.parameters.len() - start) as u64);
        self.placed.insert(parameters.to_vec(), place);
        place
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
    pub async fn submit(mut self) -> Result<Readback, EngineError> {
        // The read begins before the device's errors are asked for: in the browser each costs a round trip.
        let read = self.gpu.checked(|| self.encode()).await?;
        let Some(read) = read else { return Ok(Readback(Vec::new())) };
        let (bytes, staging) = self.gpu.finish_read(read).await?;
        self.pool.give_back(staging);
        Ok(Readback(bytes))
    }

    /// Encodes and submits the steps, and begins to read back.
    fn encode(&mut self) -> Result<Option<Read>, EngineError> {
        let Self { gpu, pool, .. } = self;
        let limit = gpu.device.limits().max_buffer_size;
        if self.readback > limit {
            let problem = format!("{} bytes to bring back, a buffer may have {limit}", self.readback);
            return Err(EngineError::Gpu(problem));
        }
        let staging = (self.readback > 0).then(|| pool.take_staging(gpu, self.readback));
        // Uniforms are bound with their own size, so the buffer ends where the last one does, or later.
        self.parameters.resize(self.parameters.len().next_multiple_of(UNIFORM_ALIGNMENT), 0);
        pool.write_parameters(gpu, &self.parameters);

        let mut encoder =
            gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("pass") });
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
                dispatches => encode_dispatches(gpu, pool, &mut encoder, dispatches),
            }
        }
        gpu.queue.submit([encoder.finish()]);
        Ok(staging.map(|staging| gpu.begin_read(staging, self.readback)))
    }
}

impl Step {
    fn is_dispatch(&self) -> bool {
        matches!(self, Self::Dispatch { .. })
    }
}

/// Encodes neighbouring dispatches as one compute pass.
fn encode_dispatches(gpu: &Gpu, pool: &mut Pool, encoder: &mut CommandEncoder, steps: &[Step]) {
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    for step in steps {
        let Step::Dispatch { kernel, bindings, groups: [x, y, z] } = step else { continue };
        let Some(group) = pool.bind_group(gpu, kernel, bindings) else { continue };
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, group, &[]);
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
