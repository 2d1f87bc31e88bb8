// Rotary position embedding, in place, on pairs of neighbouring columns (the order of llama tensors in GGUF).
//
//   0  params
//   1  rotations  [all tokens of the pass, pairs]       cosine and sine of position * frequency
//   2  values     [.., heads, head_width / 2]           queries or keys
//
// One invocation a pair: x over heads and pairs in groups of 64, y over tokens. The angles are computed by the
// caller, since `sin` and `cos` in WGSL may be off by 2^-11 and get worse for large angles.

struct Params {
    heads: u32,
    head_pairs: u32,      // head_width / 2
    pairs: u32,           // rotated pairs a head, at most head_pairs
    first_rotation: u32,  // row of `rotations` for the first token
    first_row: u32,       // row of `values` for the first token
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> rotations: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> values: array<vec2f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let head = id.x / params.pairs;
    let pair = id.x % params.pairs;
    let token = id.y;
    if head >= params.heads {
        return;
    }
    let rotation = rotations[(params.first_rotation + token) * params.pairs + pair];
    let at = ((params.first_row + token) * params.heads + head) * params.head_pairs + pair;
    let value = values[at];
    values[at] = vec2f(
        value.x * rotation.x - value.y * rotation.y,
        value.x * rotation.y + value.y * rotation.x,
    );
}
