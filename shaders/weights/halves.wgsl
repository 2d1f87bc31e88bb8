// Four 16-bit floats, two in a word (the lower half first).

alias Halves = vec2u;

fn halves(words: Halves) -> vec4f {
    return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
