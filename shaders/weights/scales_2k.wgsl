// Eight blocks share a 16-bit float; each half of a block has a signed byte, which that float scales:
//   weight = float * byte * (quant - ZERO)
//
//   2  scales  [panels, blocks / 8, 9, 8 lanes]  the float, then eight times the bytes of a block: the first
//                                                half's in the lower byte, the second's in the upper one

const SCALES: u32 = 2u;

@group(0) @binding(2) var<storage, read> scales: array<vec2u>;

fn scale_of(block: u32, lane: u32, half: u32) -> Scale {
    let at = block / 8u * 72u + lane;
    let bytes = scales[at + 8u + block % 8u * 8u] << vec2u(8u - 8u * half);
    let signed = bitcast<vec4i>(vec4u(bytes << vec2u(16u), bytes).xzyw) >> vec4u(24u);
    let scale = halves(scales[at]) * vec4f(signed);
    return Scale(scale, -ZERO * scale);
}
