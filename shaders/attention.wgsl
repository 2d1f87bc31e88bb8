// Causal attention over the KV cache, several query heads sharing a key and value head. Softmax runs online
// (Milakov and Gimelshein, 2018): keys are taken 64 at a time, and earlier sums shrink when the maximum grows.
//
//   0  params
//   1  queries  [tokens, heads, head_width]
//   2  keys     [capacity, kv_heads, head_width]
//   3  values   [capacity, kv_heads, head_width]
//   4  output   [tokens, heads, head_width]
//
// One workgroup a head (x) and token (y). Its 64 lanes score one key each, then each of the first
// head_width / 4 lanes sums four columns of the values.

struct Params {
    first_position: u32,  // of the first token
    heads: u32,
    kv_heads: u32,
    head_width4: u32,     // head_width / 4, at most 64
    scale: f32,           // of the scores, 1 / sqrt(head_width)
}

const LANES: u32 = 64u;
const LOWEST: f32 = -1e30;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4f>;
@group(0) @binding(2) var<storage, read> keys: array<vec4f>;
@group(0) @binding(3) var<storage, read> values: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;

var<workgroup> scores: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let token = group.y;
    let visible = params.first_position + token + 1u;
    let query = (token * params.heads + head) * params.head_width4;
    // Where this head's columns begin in a cache row, and how far apart rows are.
    let column = head / (params.heads / params.kv_heads) * params.head_width4;
    let stride = params.kv_heads * params.head_width4;

    var peak = LOWEST;
    var total = 0.0;
    var sum = vec4f();
    for (var first = 0u; first < visible; first += LANES) {
        var score = LOWEST;
        if first + lane < visible {
            let key = (first + lane) * stride + column;
            score = 0.0;
            for (var i = 0u; i < params.head_width4; i += 1u) {
                score += dot(queries[query + i], keys[key + i]);
            }
            score *= params.scale;
        }
        workgroupBarrier();
        scores[lane] = score;
        workgroupBarrier();

        if lane < params.head_width4 {
            let count = min(LANES, visible - first);
            let old_peak = peak;
            for (var i = 0u; i < count; i += 1u) {
                peak = max(peak, scores[i]);
            }
            let shrink = exp(old_peak - peak);
            total *= shrink;
            sum *= shrink;
            for (var i = 0u; i < count; i += 1u) {
                let share = exp(scores[i] - peak);
                total += share;
                sum += share * values[(first + i) * stride + column + lane];
            }
        }
    }
    if lane < params.head_width4 {
        output[query + lane] = sum / total;
    }
}
