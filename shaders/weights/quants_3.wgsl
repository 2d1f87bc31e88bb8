// 3-bit quants: two lower bits as in quants_2.wgsl, and a word with the third ones, bit p of its bytes for part p.
//
//   1  weights  [panels, blocks, 3 words, 8 lanes]

const OFFSET_COLUMNS: vec4f = vec4f(1.0);

@group(0) @binding(1) var<storage, read> weights: array<vec4u>;

fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    let at = block * 24u + lane;
    let low = (weights[at + part % 2u * 8u] >> vec4u(part / 2u * 2u)) & vec4u(0x03030303u);
    let high = (weights[at + 16u] >> vec4u(part)) & vec4u(0x01010101u);
    return byte_columns(low | (high << vec4u(2u)));
}
