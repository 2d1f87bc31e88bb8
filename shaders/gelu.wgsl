// GELU, in place, in its tanh form (Hendrycks and Gimpel, 2016):
//   values = values / 2 * (1 + tanh(sqrt(2 / pi) * (values + 0.044715 * values^3)))
//
//   0  params
//   1  values  [tokens, columns]
//
// One invocation for four columns of a token: x over columns in groups of 64, y over tokens.

struct Params {
    columns4: u32,  // columns / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> values: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.columns4 {
        return;
    }
    let at = id.y * params.columns4 + id.x;
    let x = values[at];
    // x / 2 * (1 + tanh(y)) = x / (1 + exp(-2 y)), which does not overflow to NaN as some drivers' tanh does.
    values[at] = x / (1.0 + exp(-2.0 * 0.7978845608 * (x + 0.044715 * x * x * x)));
}
