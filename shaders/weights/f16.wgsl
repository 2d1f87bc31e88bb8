// A weight matrix of 16-bit floats, in panels of 32 rows. A block is four columns of a panel.
//
//   1  weights  [panels, columns, 8 lanes]  four rows a lane, two in a word (the lower half first)

@group(0) @binding(1) var<storage, read> weights: array<Halves>;

fn column(at: u32) -> vec4f {
    return halves(weights[at]);
}
