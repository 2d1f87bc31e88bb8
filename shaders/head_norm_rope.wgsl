// RMSNorm of each head, where asked for, then rotary position embedding, both in place.
//
//   0  params
//   1  weight     [head_width]                  of the norm; where there is none any buffer is bound, and not read
//   2  rotations  [all tokens of the pass, pairs]  cosine and sine of position * frequency
//   3  values     [.., heads, head_width]       queries or keys
//
// One invocation a head and token: x over heads in groups of 64, y over tokens. The angles are computed by the
// caller, since `sin` and `cos` in WGSL may be off by 2^-11 and get worse for large angles.

struct Params {
    heads: u32,
    head_width: u32,
    pairs: u32,           // rotated pairs of a head
    apart: u32,           // 1: a pair are columns i and i + pairs; 0: they are 2 i and 2 i + 1
    first_rotation: u32,  // row of `rotations` for the first token
    first_row: u32,       // row of `values` for the first token
    norm: u32,            // 1 where heads are normalised
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> rotations: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> values: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.heads {
        return;
    }
    let head = ((params.first_row + id.y) * params.heads + id.x) * params.head_width;

    if params.norm == 1u {
        var squares = 0.0;
        for (var i = 0u; i < params.head_width; i += 1u) {
            squares += values[head + i] * values[head + i];
        }
        let scale = inverseSqrt(squares / f32(params.head_width) + params.epsilon);
        for (var i = 0u; i < params.head_width; i += 1u) {
            values[head + i] *= scale * weight[i];
        }
    }
    for (var i = 0u; i < params.pairs; i += 1u) {
        let rotation = rotations[(params.first_rotation + id.y) * params.pairs + i];
        let first = head + select(2u * i, i, params.apart == 1u);
        let second = select(first + 1u, first + params.pairs, params.apart == 1u);
        let value = vec2f(values[first], values[second]);
        values[first] = value.x * rotation.x - value.y * rotation.y;
        values[second] = value.x * rotation.y + value.y * rotation.x;
    }
}
