// Greedy prediction from each row of logits: the token with the largest logit (the lowest id among equals), that
// logit, and the log of the sum of exp(logit - largest).
//
//   0  params
//   1  logits       [chunk, vocabulary]
//   2  predictions  [rows]
//
// One workgroup a row of the chunk, compiled with lanes/together: its lanes take every LANES-th token. The token is
// the first word of a prediction, so that `embed` can read it as the next one.

struct Params {
    vocabulary: u32,
    first_row: u32,  // of the chunk, among the predictions
}

struct Prediction {
    token: u32,
    logit: f32,
    log_sum: f32,  // relative to `logit`; minus the log-probability of `token`
}

const LOWEST: f32 = -3e38;
const NONE: u32 = 0xffffffffu;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> predictions: array<Prediction>;

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
    let best = best_of_lanes(Best(best_logit, best_token), lane);

    var sum = 0.0;
    for (var token = lane; token < params.vocabulary; token += LANES) {
        sum += exp(logits[row + token] - best.score);
    }
    let total = sum_of_lanes(sum, lane);
    if lane == 0u {
        predictions[params.first_row + group.x] = Prediction(best.index, best.score, log(total));
    }
}
