// A weight matrix in GGUF's Q8_0: blocks of 32 columns, each with one scale; weight = scale * quant.
//
//   1  weights  [rows, columns / 4]   four signed bytes a word, the lowest first
//   2  scales   [rows, columns / 32]

@group(0) @binding(1) var<storage, read> weights: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;

// The four weights of a row that begin at column 4 * column4.
fn weight4(row: u32, column4: u32, columns4: u32) -> vec4f {
    let index = row * columns4 + column4;
    // Each byte goes to the top of its lane, and the shift back down carries its sign along.
    let bytes = vec4u(weights[index]) << vec4u(24u, 16u, 8u, 0u);
    return scales[index / 8u] * vec4f(bitcast<vec4i>(bytes) >> vec4u(24u));
}
