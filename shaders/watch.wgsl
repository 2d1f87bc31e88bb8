// Gathers the logits of watched tokens.
//
//   0  params
//   1  logits   [chunk, vocabulary]
//   2  tokens   [watched]
//   3  watched  [rows, watched]
//
// x over watched tokens in groups of 64, y over the rows of the chunk.

struct Params {
    count: u32,      // of watched tokens
    vocabulary: u32,
    first_row: u32,  // of the chunk, among the rows of `watched`
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> tokens: array<u32>;
@group(0) @binding(3) var<storage, read_write> watched: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.count {
        return;
    }
    watched[(params.first_row + id.y) * params.count + id.x] =
        logits[id.y * params.vocabulary + tokens[id.x]];
}
