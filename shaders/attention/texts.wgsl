// A token sees all tokens of its own text: encoders, over a batch of texts that lie one after the other. There is one
// part.
//
//   5  places  [tokens]  see encoder/add_embeddings

@group(0) @binding(5) var<storage, read> places: array<vec4u>;

// The keys that a token may see: from x up to, not including, y.
fn visible_keys(token: u32, part: u32) -> vec2u {
    return places[token].zw;
}
