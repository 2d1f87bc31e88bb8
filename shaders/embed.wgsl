// Looks up token embeddings in a chunk of their table: output[t] = scale * weights[tokens[first_token + t]].
// Tokens that are not in the chunk are left alone. Compiled with weights/*, which bring bindings 1 and 2.
//
//   0     params
//   1, 2  weights  [rows, columns]
//   3     tokens   [all tokens of the pass]
//   4     output   [tokens, columns]
//
// One invocation for four columns of a token: x over columns in groups of 64, y over tokens.

struct Params {
    columns4: u32,     // columns / 4
    blocks: u32,       // of a row
    first_token: u32,  // where in `tokens` to begin
    first_row: u32,    // of the chunk
    rows: u32,         // of the chunk
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> tokens: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let column4 = id.x;
    // Wraps to a large number where the token is before the chunk.
    let row = tokens[params.first_token + id.y] - params.first_row;
    if column4 >= params.columns4 || row >= params.rows {
        return;
    }
    let block = row / 32u * params.blocks + column4 / PARTS;
    let weights = weights_of(block, row % 32u / 4u, column4 % PARTS);
    output[id.y * params.columns4 + column4] = params.scale * transpose(weights)[row % 4u];
}
