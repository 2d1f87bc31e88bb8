// RMSNorm of each row: output[r] = input[r] / sqrt(mean(input[r]^2) + epsilon) * weight.
//
//   0  params
//   1  weight  [columns]
//   2  input   [rows, columns]
//   3  output  [rows, columns]
//
// One workgroup a row; its 64 lanes take every 64th group of four columns.

struct Params {
    columns4: u32,  // columns / 4
    epsilon: f32,
}

const LANES: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> input: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x * params.columns4;

    var squares = 0.0;
    for (var i = lane; i < params.columns4; i += LANES) {
        squares += dot(input[row + i], input[row + i]);
    }
    partial[lane] = squares;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }

    let scale = inverseSqrt(partial[0] / f32(4u * params.columns4) + params.epsilon);
    for (var i = lane; i < params.columns4; i += LANES) {
        output[row + i] = input[row + i] * scale * weight[i];
    }
}
