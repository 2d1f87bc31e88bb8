// Greedy prediction from each row of logits: the token with the largest logit (the lowest id among equals), that
// logit, and the log of the sum of exp(logit - largest).
//
//   0  params
//   1  logits       [chunk, vocabulary]
//   2  predictions  [rows]
//
// One workgroup a row of the chunk; its 256 lanes take every 256th token.

struct Params {
    vocabulary: u32,
    first_row: u32,  // of the chunk, among the predictions
}

struct Prediction {
    token: u32,
    logit: f32,
    log_sum: f32,  // relative to `logit`; minus the log-probability of `token`
}

const LANES: u32 = 256u;
const LOWEST: f32 = -3e38;
const NONE: u32 = 0xffffffffu;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> predictions: array<Prediction>;

var<workgroup> best_logits: array<f32, LANES>;
var<workgroup> best_tokens: array<u32, LANES>;
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = group.x * params.vocabulary;

    // NONE is left only where no logit is a number, which the caller reports.
    var best_logit = LOWEST;
    var best_token = NONE;
    for (var token = lane; token < params.vocabulary; token += LANES) {
        let logit = logits[row + token];
        if logit > best_logit {
            best_logit = logit;
            best_token = token;
        }
    }
    best_logits[lane] = best_logit;
    best_tokens[lane] = best_token;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let logit = best_logits[lane + half];
            let token = best_tokens[lane + half];
            if logit > best_logits[lane] || (logit == best_logits[lane] && token < best_tokens[lane]) {
                best_logits[lane] = logit;
                best_tokens[lane] = token;
            }
        }
        workgroupBarrier();
    }
    let peak = best_logits[0];

    var sum = 0.0;
    for (var token = lane; token < params.vocabulary; token += LANES) {
        sum += exp(logits[row + token] - peak);
    }
    sums[lane] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            sums[lane] += sums[lane + half];
        }
        workgroupBarrier();
    }
    if lane == 0u {
        predictions[params.first_row + group.x] = Prediction(best_tokens[0], peak, log(sums[0]));
    }
}
