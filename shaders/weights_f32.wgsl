// A weight matrix of 32-bit floats.
//
//   1  weights  [rows, columns / 4]

@group(0) @binding(1) var<storage, read> weights: array<vec4f>;

// The four weights of a row that begin at column 4 * column4.
fn weight4(row: u32, column4: u32, columns4: u32) -> vec4f {
    return weights[row * columns4 + column4];
}
