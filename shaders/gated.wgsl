// A gated layer, in place: gate = activated(gate) * up. With activations/silu it is SwiGLU, with
// activations/gelu GeGLU (Shazeer, 2020).
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
    gate[at] = activated(gate[at]) * up[at];
}
