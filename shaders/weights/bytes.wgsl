// Quants as bytes of words: four columns a word, the first in the lowest byte; four rows a vector.

const PARTS: u32 = 8u;
const PLACES: vec4f = vec4f(1.0, 0x1p-8, 0x1p-16, 0x1p-24);

// A matrix column for each byte, masked but not shifted: shifts are dear on software adapters, and PLACES undoes
// them. Signed integers, because those become floats in one instruction.
fn byte_columns(words: vec4u) -> mat4x4f {
    let bytes = bitcast<vec4i>(words);
    return mat4x4f(
        vec4f(bytes & vec4i(0xff)),
        vec4f(bytes & vec4i(0xff00)),
        vec4f(bytes & vec4i(0xff0000)),
        vec4f(bytes & vec4i(-0x1000000)),
    );
}
