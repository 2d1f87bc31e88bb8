// Attention (attention/inputs) by workgroups of 64 lanes: one for each head (x), token (y) and part (z). Keys are
// taken 64 at a time: each lane scores one, then each of the first head_width / 4 lanes sums four columns.

const LANES: u32 = 64u;

var<workgroup> scores: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let token = group.y;
    let range = visible_keys(token, group.z);
    let query = (token * params.heads + head) * params.head_width4;
    let column = cache_column(head);
    let stride = params.kv_heads * params.head_width4;

    var peak = LOWEST;
    var total = 0.0;
    var sum = vec4f();
    for (var first = range.x; first < range.y; first += LANES) {
        var score = LOWEST;
        if first + lane < range.y {
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
            let count = min(LANES, range.y - first);
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
    let at = output_start(token, head, group.z);
    if lane < params.head_width4 {
        output[at + lane] = select(sum, sum / total, params.parts == 1u);
    }
    if lane == 0u && params.parts > 1u {
        output[at + params.head_width4] = vec4f(peak, total, 0.0, 0.0);
    }
}
