// Adds learned position embeddings: values[t] += positions[first_position + t].
//
//   0  params
//   1  positions  [context, columns]
//   2  values     [tokens, columns]
//
// One invocation for four columns of a token: x over columns in groups of 64, y over tokens.

struct Params {
    columns4: u32,        // columns / 4
    first_position: u32,  // of the first token
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> positions: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> values: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.columns4 {
        return;
    }
    values[id.y * params.columns4 + id.x] +=
        positions[(params.first_position + id.y) * params.columns4 + id.x];
}
