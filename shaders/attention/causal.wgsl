// A token sees itself and all before it: decoders, over the KV cache.

// The keys of a part that a token may see: from x up to, not including, y. There may be none.
fn visible_keys(token: u32, part: u32) -> vec2u {
    let visible = params.first_position + token + 1u;
    let begin = part * params.part_keys;
    return vec2u(begin, min(visible, begin + params.part_keys));
}
