// A weight matrix of 16-bit floats, two in a word (the lower half first).
//
//   1  weights  [rows, columns / 4]

@group(0) @binding(1) var<storage, read> weights: array<vec2u>;

// The four weights of a row that begin at column 4 * column4.
fn weight4(row: u32, column4: u32, columns4: u32) -> vec4f {
    let halves = weights[row * columns4 + column4];
    return vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
}
