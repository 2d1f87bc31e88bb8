// One scale and one minimum for a block: weight = scale * quant - minimum.
//
//   2  scales  [panels, blocks, scale and minimum, 8 lanes]  16-bit floats

const SCALES: u32 = 1u;

@group(0) @binding(2) var<storage, read> scales: array<Halves>;

fn scale_of(block: u32, lane: u32, half: u32) -> Scale {
    let at = block * 16u + lane;
    return Scale(halves(scales[at]), -halves(scales[at + 8u]));
}
