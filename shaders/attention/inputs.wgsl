// Attention over keys and values, several query heads sharing a key and value head. Softmax runs online (Milakov and
// Gimelshein, 2018): earlier sums shrink when the maximum grows. Keys may be split into parts, whose results
// attention/merge puts together (flash-decoding: Dao et al., 2023). attention/causal or attention/texts says which keys
// a token sees.
//
//   0  params
//   1  queries  [tokens, heads, head_width]
//   2  keys     [capacity, kv_heads, head_width]
//   3  values   [capacity, kv_heads, head_width]
//   4  output   [tokens, heads, head_width] where there is one part; else
//               [tokens, heads, parts, head_width + 4]: sums that are not yet divided by their total, then the
//               peak of the scores, the total, and two unused

struct Params {
    tokens: u32,
    first_position: u32,  // of the first token
    heads: u32,
    kv_heads: u32,
    head_width4: u32,     // head_width / 4, at most 64
    scale: f32,           // of the scores, 1 / sqrt(head_width)
    parts: u32,
    part_keys: u32,       // of each part
}

const LOWEST: f32 = -1e30;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4f>;
@group(0) @binding(2) var<storage, read> keys: array<vec4f>;
@group(0) @binding(3) var<storage, read> values: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

// Where in a row of the cache a head's columns begin.
fn cache_column(head: u32) -> u32 {
    return head / (params.heads / params.kv_heads) * params.head_width4;
}

// Where a head's results begin.
fn output_start(token: u32, head: u32, part: u32) -> u32 {
    let row = token * params.heads + head;
    if params.parts == 1u {
        return row * params.head_width4;
    }
    return (row * params.parts + part) * (params.head_width4 + 1u);
}
