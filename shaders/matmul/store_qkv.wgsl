// Sends the rows of a stack of query, key and value weights where they belong: queries to a buffer, keys and values
// to their places in the KV cache, with a bias or without. Queries and keys are turned by rotary position embedding
// on the way, in pairs of neighbouring columns.
//
//   4  queries    [tokens, query_rows]
//   5  bias       [total_rows]                   where there is none any buffer is bound, and not read
//   6  keys       [capacity, kv_rows]
//   7  values     [capacity, kv_rows]
//   8  rotations  [all tokens of the pass, rotated / 2]  cosine and sine of position * frequency

struct StoreParams {
    query_rows: u32,
    kv_rows: u32,
    head_width: u32,
    rotated: u32,         // columns of a head that are rotated
    first_rotation: u32,  // row of `rotations` for the first token
    first_position: u32,  // of the first token
    bias: u32,            // 1 where there is one
}

@group(0) @binding(4) var<storage, read_write> queries: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> keys: array<f32>;
@group(0) @binding(7) var<storage, read_write> values: array<f32>;
@group(0) @binding(8) var<storage, read> rotations: array<vec2f>;

fn store(token: u32, rows: vec2u, sums_a: vec4f, sums_b: vec4f) {
    store_four(token, rows.x, sums_a);
    store_four(token, rows.y, sums_b);
}

// Heads are whole vectors of four columns, so all four go to one place.
fn store_four(token: u32, row: u32, sums: vec4f) {
    if row >= params.rows {
        return;
    }
    let store = params.store;
    let first = params.first_row + row;
    var four = sums;
    if store.bias == 1u {
        four += vec4f(bias[first], bias[first + 1u], bias[first + 2u], bias[first + 3u]);
    }
    let position = store.first_position + token;
    if first < store.query_rows {
        four = rotated(token, first % store.head_width, four);
        let at = token * store.query_rows + first;
        for (var i = 0u; i < 4u; i += 1u) {
            queries[at + i] = four[i];
        }
    } else if first < store.query_rows + store.kv_rows {
        let column = first - store.query_rows;
        four = rotated(token, column % store.head_width, four);
        for (var i = 0u; i < 4u; i += 1u) {
            keys[position * store.kv_rows + column + i] = four[i];
        }
    } else {
        let at = position * store.kv_rows + first - store.query_rows - store.kv_rows;
        for (var i = 0u; i < 4u; i += 1u) {
            values[at + i] = four[i];
        }
    }
}

// Four columns of a head, from `column` on, as two pairs.
fn rotated(token: u32, column: u32, four: vec4f) -> vec4f {
    let at = (params.store.first_rotation + token) * (params.store.rotated / 2u) + column / 2u;
    return vec4f(pair(at, column, four.xy), pair(at + 1u, column + 2u, four.zw));
}

fn pair(at: u32, column: u32, values: vec2f) -> vec2f {
    if column >= params.store.rotated {
        return values;
    }
    let rotation = rotations[at];
    return vec2f(
        values.x * rotation.x - values.y * rotation.y,
        values.x * rotation.y + values.y * rotation.x,
    );
}
