// One scale for a block: weight = scale * (quant - ZERO).
//
//   2  scales  [panels, blocks, 8 lanes]  16-bit floats

const SCALES: u32 = 1u;

@group(0) @binding(2) var<storage, read> scales: array<Halves>;

fn scale_of(block: u32, lane: u32, half: u32) -> Scale {
    let scale = halves(scales[block * 8u + lane]);
    return Scale(scale, -ZERO * scale);
}
