// Scales each row to length one, in place. A row of zeros stays as it is.
//
//   0  params
//   1  rows  [rows, columns]
//
// One workgroup a row, compiled with one of lanes/*: its lanes take every LANES-th group of four columns.

struct Params {
    columns4: u32,  // columns / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> rows: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x * params.columns4;
    var squares = 0.0;
    for (var i = lane; i < params.columns4; i += LANES) {
        squares += dot(rows[row + i], rows[row + i]);
    }
    squares = sum_of_lanes(squares, lane);
    let scale = select(1.0, inverseSqrt(squares), squares > 0.0);
    for (var i = lane; i < params.columns4; i += LANES) {
        rows[row + i] *= scale;
    }
}
