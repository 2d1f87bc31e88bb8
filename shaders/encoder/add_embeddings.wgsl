// Adds the embeddings of positions and of token types: values[t] += positions[places[t].x] + types[places[t].y].
//
//   0  params
//   1  places     [tokens]                 position, type, and from which token to which its text goes (not including)
//   2  positions  [context, columns]
//   3  types      [token types, columns]
//   4  values     [tokens, columns]
//
// One invocation for four columns of a token: x over columns in groups of 64, y over tokens.

struct Params {
    columns4: u32,  // columns / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> places: array<vec4u>;
@group(0) @binding(2) var<storage, read> positions: array<vec4f>;
@group(0) @binding(3) var<storage, read> types: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> values: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.columns4 {
        return;
    }
    let place = places[id.y];
    values[id.y * params.columns4 + id.x] +=
        positions[place.x * params.columns4 + id.x] + types[place.y * params.columns4 + id.x];
}
