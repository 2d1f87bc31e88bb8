// Puts the parts of attention together: their sums, each shrunk to the highest peak, divided by their totals.
//
//   0  params
//   1  partial  [rows, parts, head_width + 4]  see attention/inputs; a row is a head of a token
//   2  output   [rows, head_width]
//
// One invocation for four columns: x over rows and columns in groups of 64.

struct Params {
    rows: u32,
    parts: u32,
    head_width4: u32,  // head_width / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.x / params.head_width4;
    let column = id.x % params.head_width4;
    if row >= params.rows {
        return;
    }
    let stride = params.head_width4 + 1u;
    let first = row * params.parts * stride;

    // Some part has a key; the peak of one that has none is far below all others.
    var peak = partial[first + params.head_width4].x;
    for (var part = 1u; part < params.parts; part += 1u) {
        peak = max(peak, partial[first + part * stride + params.head_width4].x);
    }
    var total = 0.0;
    var sum = vec4f();
    for (var part = 0u; part < params.parts; part += 1u) {
        let at = first + part * stride;
        let peak_and_total = partial[at + params.head_width4];
        let shrink = exp(peak_and_total.x - peak);
        total += shrink * peak_and_total.y;
        sum += shrink * partial[at + column];
    }
    output[id.x] = sum / total;
}
