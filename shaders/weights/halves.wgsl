// Scales of four rows as 16-bit floats.

fn halves(words: vec2u) -> vec4f {
    return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
