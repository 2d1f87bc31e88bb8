// Eight blocks share two 16-bit floats; each block has two bytes, which they scale:
//   weight = float0 * byte0 * quant - float1 * byte1
//
//   2  scales  [panels, blocks / 8, 10, 8 lanes]  the floats, then eight times the bytes of a block, byte0 lower

const SCALES: u32 = 1u;

@group(0) @binding(2) var<storage, read> scales: array<vec2u>;

fn scale_of(block: u32, lane: u32, half: u32) -> Scale {
    let at = block / 8u * 80u + lane;
    let words = scales[at + 16u + block % 8u * 8u];
    let bytes = vec4u(words, words >> vec2u(16u)).xzyw;
    let scale = halves(scales[at]) * vec4f(vec4i(bytes & vec4u(255u)));
    let minimum = halves(scales[at + 8u]) * vec4f(vec4i((bytes >> vec4u(8u)) & vec4u(255u)));
    return Scale(scale, -minimum);
}
