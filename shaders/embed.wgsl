// Looks up token embeddings: output[t] = weights[tokens[first_token + t]].
// Compiled after one of weights_*.wgsl, which brings bindings 1 and 2 and `weight4`.
//
//   0     params
//   1, 2  weights  [vocabulary, columns]
//   3     tokens   [all tokens of the pass]
//   4     output   [tokens, columns]
//
// One invocation for four columns of a token: x over columns in groups of 64, y over tokens.

struct Params {
    columns4: u32,     // columns / 4
    first_token: u32,  // where in `tokens` to begin
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> tokens: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let column4 = id.x;
    let token = id.y;
    if column4 >= params.columns4 {
        return;
    }
    output[token * params.columns4 + column4] =
        weight4(tokens[params.first_token + token], column4, params.columns4);
}
