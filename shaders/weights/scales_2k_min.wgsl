// Eight blocks share two 16-bit floats; each half of a block has two nibbles, which they scale:
//   weight = float0 * nibble0 * quant - float1 * nibble1
//
//   2  scales  [panels, blocks / 8, 10, 8 lanes]  the floats, then eight times the bytes of a block: the first
//                                                 half's in the lower byte, nibble0 in its lower half

const SCALES: u32 = 2u;

@group(0) @binding(2) var<storage, read> scales: array<vec2u>;

fn scale_of(block: u32, lane: u32, half: u32) -> Scale {
    let at = block / 8u * 80u + lane;
    let words = scales[at + 16u + block % 8u * 8u] >> vec2u(8u * half);
    let bytes = vec4u(words, words >> vec2u(16u)).xzyw;
    let scale = halves(scales[at]) * vec4f(vec4i(bytes & vec4u(15u)));
    let minimum = halves(scales[at + 8u]) * vec4f(vec4i((bytes >> vec4u(4u)) & vec4u(15u)));
    return Scale(scale, -minimum);
}
