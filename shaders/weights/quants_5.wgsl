// 5-bit quants: four lower bits as in quants_4.wgsl, and a word with the fifth ones, bit p of its bytes for part p.
//
//   1  weights  [panels, blocks, 5 words, 8 lanes]

const OFFSET_COLUMNS: vec4f = vec4f(1.0);

@group(0) @binding(1) var<storage, read> weights: array<vec4u>;

fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    let at = block * 40u + lane;
    let low = (weights[at + part % 4u * 8u] >> vec4u(part / 4u * 4u)) & vec4u(0x0f0f0f0fu);
    let high = (weights[at + 32u] >> vec4u(part)) & vec4u(0x01010101u);
    return byte_columns(low | (high << vec4u(4u)));
}
