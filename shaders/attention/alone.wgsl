// Attention (attention/inputs) by invocations that do not wait for each other: one for each token, part and head, in
// groups of 8 (x).

const MAX_HEAD_WIDTH4: u32 = 64u;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let head = id.x % params.heads;
    let part = id.x / params.heads % params.parts;
    let token = id.x / params.heads / params.parts;
    if token >= params.tokens {
        return;
    }
    let range = visible_keys(token, part);
    let query = (token * params.heads + head) * params.head_width4;
    let column = cache_column(head);
    let stride = params.kv_heads * params.head_width4;

    var peak = LOWEST;
    var total = 0.0;
    var sums: array<vec4f, MAX_HEAD_WIDTH4>;
    for (var key = range.x; key < range.y; key += 1u) {
        let row = key * stride + column;
        var products = vec4f();
        for (var i = 0u; i < params.head_width4; i += 1u) {
            products += queries[query + i] * keys[row + i];
        }
        let score = params.scale * dot(products, vec4f(1.0));
        let new_peak = max(peak, score);
        let shrink = exp(peak - new_peak);
        let share = exp(score - new_peak);
        peak = new_peak;
        total = total * shrink + share;
        for (var i = 0u; i < params.head_width4; i += 1u) {
            sums[i] = sums[i] * shrink + share * values[row + i];
        }
    }
    let at = output_start(token, head, part);
    let divisor = select(1.0, total, params.parts == 1u);
    for (var i = 0u; i < params.head_width4; i += 1u) {
        output[at + i] = sums[i] / divisor;
    }
    if params.parts > 1u {
        output[at + params.head_width4] = vec4f(peak, total, 0.0, 0.0);
    }
}
