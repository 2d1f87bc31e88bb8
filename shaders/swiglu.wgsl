// SwiGLU, in place: gate = silu(gate) * up, where silu(x) = x / (1 + exp(-x)).
//
//   0  params
//   1  up    [tokens, columns]
//   2  gate  [tokens, columns]
//
// One invocation for four columns of a token: x over columns in groups of 64, y over tokens.

struct Params {
    columns4: u32,  // columns / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> up: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gate: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.columns4 {
        return;
    }
    let at = id.y * params.columns4 + id.x;
    let value = gate[at];
    gate[at] = value / (1.0 + exp(-value)) * up[at];
}
