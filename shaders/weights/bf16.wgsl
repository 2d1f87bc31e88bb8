// A weight matrix of bfloat16 (the upper halves of 32-bit floats), in panels of 32 rows. A block is four columns of a panel.
//
//   1  weights  [panels, columns, 8 lanes]  four rows a lane, two in a word (the lower half first)

@group(0) @binding(1) var<storage, read> weights: array<vec2u>;

fn column(at: u32) -> vec4f {
    let halves = weights[at];
    let upper = vec2u(0xffff0000u);
    return bitcast<vec4f>(vec4u(halves << vec2u(16u), halves & upper).xzyw);
}
