// 4-bit quants. Parts 0 to 3 are in the lower nibbles of four words, 4 to 7 in the upper ones.
//
//   1  weights  [panels, blocks, 4 words, 8 lanes]

const OFFSET_COLUMNS: vec4f = vec4f(1.0);

@group(0) @binding(1) var<storage, read> weights: array<vec4u>;

fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    let words = weights[block * 32u + part % 4u * 8u + lane];
    return byte_columns((words >> vec4u(part / 4u * 4u)) & vec4u(0x0f0f0f0fu));
}
