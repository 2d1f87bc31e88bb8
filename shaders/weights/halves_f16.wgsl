// Four 16-bit floats, as weights/halves.wgsl reads them, by the GPU's own type.

enable f16;

alias Halves = vec4<f16>;

fn halves(values: Halves) -> vec4f {
    return vec4f(values);
}
