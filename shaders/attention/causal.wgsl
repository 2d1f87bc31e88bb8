// A token sees itself and those before it, all or the nearest: decoders, over the KV cache.

// The keys of a part that a token may see: from x up to, not including, y. There may be none.
fn visible_keys(token: u32, part: u32) -> vec2u {
    let visible = params.first_position + token + 1u;
    let begin = params.first_key + part * params.part_keys;
    let unseen = visible - min(visible, params.window);
    return vec2u(max(unseen, begin), min(visible, begin + params.part_keys));
}
