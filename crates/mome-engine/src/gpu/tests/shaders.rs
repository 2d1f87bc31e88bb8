//! Every shader that is ever put together is valid WGSL: no GPU is needed for that, and none would see all of them.

use std::cell::Cell;

use mome_backbone::TensorType;
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::gpu::encoder::EncoderKernels;
use crate::gpu::kernels::{Features, Kernels, Lanes, MatmulKernels, Store, Variant, embed_source};

/// All ways in which kernels are compiled.
fn variants() -> impl Iterator<Item = Variant> {
    [Lanes::Alone, Lanes::Together].into_iter().flat_map(|lanes| {
        let features = [(false, false), (false, true), (true, false), (true, true)];
        features.map(|(f16, subgroups)| Variant { lanes, features: Features { f16, subgroups } })
    })
}

/// Has naga check a shader, with the features that its variant has and no others.
fn validate(variant: Variant, label: &str, source: &str) {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{label} for {variant:?}: {}", error.emit_to_string(source)));
    // What core WebGPU has: halves are read from words.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(Capabilities::SHADER_FLOAT16, variant.features.f16);
    capabilities.set(Capabilities::SUBGROUP, variant.features.subgroups);
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE);
    validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
    if let Err(error) = validator.validate(&module) {
        panic!("{label} for {variant:?}: {}", error.emit_to_string(source));
    }
}

#[test]
fn every_shader_is_valid() {
    let count = Cell::new(0);
    for variant in variants() {
        let check = |label: &str, source: &str| {
            validate(variant, label, source);
            count.set(count.get() + 1);
        };
        let _ = Kernels::assemble(variant, check);
        let _ = EncoderKernels::assemble(variant, check);
        for kind in TensorType::SUPPORTED {
            check(&format!("embed {}", kind.name()), &embed_source(kind, variant.features));
            for store in Store::ALL {
                let _ = MatmulKernels::assemble(kind, variant, store, check);
            }
        }
    }
    // 18 kernels of activations; for each type one of embeddings and, for each way to store, two or three products.
    let types = TensorType::SUPPORTED.len();
    let each = |products: usize| 4 * (18 + types * (1 + products * Store::ALL.len()));
    assert_eq!(count.get(), each(2) + each(3));
}
