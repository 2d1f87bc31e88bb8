// 8-bit quants. The lower three bytes of a word are raised by 128; the upper one is signed as it is.
//
//   1  weights  [panels, blocks, 8 parts, 8 lanes]

const OFFSET_COLUMNS: vec4f = vec4f(1.0, 1.0, 1.0, 0.0);

@group(0) @binding(1) var<storage, read> weights: array<vec4u>;

fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    return byte_columns(weights[block * 64u + part * 8u + lane]);
}
