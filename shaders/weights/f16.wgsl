// A weight matrix of 16-bit floats, in panels of 32 rows. A block is four columns of a panel.
//
//   1  weights  [panels, columns, 8 lanes]  four rows a lane, two in a word (the lower half first)

const PARTS: u32 = 1u;
const SCALES: u32 = 1u;
const PLACES: vec4f = vec4f(1.0);
const OFFSET_COLUMNS: vec4f = vec4f(0.0);

@group(0) @binding(1) var<storage, read> weights: array<Halves>;

// Four rows of the block's four columns.
fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    let at = block * 32u + lane;
    return mat4x4f(column(at), column(at + 8u), column(at + 16u), column(at + 24u));
}

fn column(at: u32) -> vec4f {
    return halves(weights[at]);
}

fn scale_of(block: u32, lane: u32, half: u32) -> Scale {
    return Scale(vec4f(1.0), vec4f(0.0));
}
