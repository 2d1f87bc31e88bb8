// A weight matrix in GGUF's Q4_0: blocks of 32 columns, each with one scale; weight = scale * (quant - 8).
//
//   1  weights  [rows, columns / 8]   eight 4-bit quants a word, the lowest first (reordered on upload:
//                                     GGUF has the block's second half in the upper nibbles)
//   2  scales   [rows, columns / 32]

@group(0) @binding(1) var<storage, read> weights: array<u32>;
@group(0) @binding(2) var<storage, read> scales: array<f32>;

// The four weights of a row that begin at column 4 * column4.
fn weight4(row: u32, column4: u32, columns4: u32) -> vec4f {
    let index = row * columns4 + column4;
    let quants = weights[index / 2u] >> (16u * (index & 1u));
    return scales[index / 8u] * (vec4f((vec4u(quants) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u)) - 8.0);
}
