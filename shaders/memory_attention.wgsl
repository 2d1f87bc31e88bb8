// Attention of final hidden states over the answer slots of the attached experts (docs/design.md, "Answering").
// Slot j of expert e scores  beta * q.k_j + bias_j - gamma * |place_j - expected_e|,  with q scaled to length one;
// null, which attends to nothing, has a fixed score. Brings the softmax shares times the slots' strengths, and the
// slot with the largest share; where null leads every slot by `margin`, that is NONE, and the shares are not used.
//
// An expert expects one past the slot used last. Where rows are the places of a draft, each expects one more than the
// row before it; in decoding, a row at a time, the slot that leads says what its expert expects in the next row.
//
//   0  params
//   1  queries        [rows, 64]
//   2  keys           [slots, 64]
//   3  slots          [slots]
//   4  contributions  [rows, slots]  what each slot adds to the logit of its token
//   5  leading        [rows]         index of a slot, or NONE
//   6  expected       [experts]      the place that each expects: at row 0, or in decoding at this row
//
// One workgroup a row, from `first_row` on, compiled with lanes/together: its lanes take every LANES-th slot.

struct Params {
    slots: u32,
    beta: f32,
    gamma: f32,
    null_score: f32,
    margin: f32,
    first_row: u32,
    decoding: u32,  // 1 where the leading slot moves its expert's place
}

struct Slot {
    strength: f32,
    bias: f32,   // of its expert
    place: f32,  // in its answer
    expert: u32,
}

const KEY_WIDTH4: u32 = 16u;
const LOWEST: f32 = -3e38;
const NONE: u32 = 0xffffffffu;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4f>;
@group(0) @binding(2) var<storage, read> keys: array<vec4f>;
@group(0) @binding(3) var<storage, read> slots: array<Slot>;
@group(0) @binding(4) var<storage, read_write> contributions: array<f32>;
@group(0) @binding(5) var<storage, read_write> leading: array<u32>;
@group(0) @binding(6) var<storage, read_write> expected: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let row = params.first_row + group.x;
    let query = row * KEY_WIDTH4;
    let first = row * params.slots;
    let ahead = select(f32(row), 0.0, params.decoding == 1u);

    var squares = 0.0;
    for (var i = 0u; i < KEY_WIDTH4; i += 1u) {
        squares += dot(queries[query + i], queries[query + i]);
    }
    let sharpness = select(0.0, params.beta * inverseSqrt(squares), squares > 0.0);

    // Lanes come back only to scores that they wrote themselves: no barrier is needed for those.
    var best_score = LOWEST;
    var best_slot = NONE;
    for (var j = lane; j < params.slots; j += LANES) {
        var match_score = 0.0;
        for (var i = 0u; i < KEY_WIDTH4; i += 1u) {
            match_score += dot(queries[query + i], keys[j * KEY_WIDTH4 + i]);
        }
        let slot = slots[j];
        let distance = abs(slot.place - expected[slot.expert] - ahead);
        let score = sharpness * match_score + slot.bias - params.gamma * distance;
        contributions[first + j] = score;
        if score > best_score {
            best_score = score;
            best_slot = j;
        }
    }
    let best = best_of_lanes(Best(best_score, best_slot), lane);
    let peak = max(best.score, params.null_score);

    var sum = 0.0;
    for (var j = lane; j < params.slots; j += LANES) {
        sum += exp(contributions[first + j] - peak);
    }
    let total = sum_of_lanes(sum, lane) + exp(params.null_score - peak);

    for (var j = lane; j < params.slots; j += LANES) {
        contributions[first + j] = exp(contributions[first + j] - peak) / total * slots[j].strength;
    }
    if lane == 0u {
        let null_leads = params.null_score >= best.score + params.margin;
        leading[row] = select(best.index, NONE, null_leads);
        if params.decoding == 1u && !null_leads {
            expected[slots[best.index].expert] = slots[best.index].place + 1.0;
        }
    }
}
