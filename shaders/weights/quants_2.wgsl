// 2-bit quants. Parts 0, 2, 4 and 6 are in the bits of one word's bytes, from the lowest, and the others in those
// of another.
//
//   1  weights  [panels, blocks, 2 words, 8 lanes]

const OFFSET_COLUMNS: vec4f = vec4f(1.0);

@group(0) @binding(1) var<storage, read> weights: array<vec4u>;

fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    let words = weights[block * 16u + part % 2u * 8u + lane];
    return byte_columns((words >> vec4u(part / 2u * 2u)) & vec4u(0x03030303u));
}
