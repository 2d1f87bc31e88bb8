// Norms of each row:
//   RMSNorm    output[r] = input[r] / sqrt(mean(input[r]^2) + epsilon) * weight
//   LayerNorm  output[r] = (input[r] - mean) / sqrt(mean((input[r] - mean)^2) + epsilon) * weight + bias
// or that added to what is there.
//
//   0  params
//   1  weight  [columns]
//   2  bias    [columns]        LayerNorm's; for RMSNorm any buffer is bound, and not read
//   3  input   [rows, columns]
//   4  output  [rows, columns]
//
// One workgroup a row, compiled with one of lanes/*: its lanes take every LANES-th group of four columns.

struct Params {
    columns4: u32,  // columns / 4
    epsilon: f32,
    layer: u32,     // 1 for LayerNorm
    add: u32,       // 1 to add to the output
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> input: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x * params.columns4;
    let columns = f32(4u * params.columns4);

    var mean = 0.0;
    if params.layer == 1u {
        var sum = 0.0;
        for (var i = lane; i < params.columns4; i += LANES) {
            sum += dot(input[row + i], vec4f(1.0));
        }
        mean = sum_of_lanes(sum, lane) / columns;
    }
    var squares = 0.0;
    for (var i = lane; i < params.columns4; i += LANES) {
        let value = input[row + i] - mean;
        squares += dot(value, value);
    }
    let scale = inverseSqrt(sum_of_lanes(squares, lane) / columns + params.epsilon);
    for (var i = lane; i < params.columns4; i += LANES) {
        var value = (input[row + i] - mean) * scale * weight[i];
        if params.layer == 1u {
            value += bias[i];
        }
        if params.add == 1u {
            value += output[row + i];
        }
        output[row + i] = value;
    }
}
