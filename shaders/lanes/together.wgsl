// Reductions over the 64 lanes of a workgroup, which all have to get there. Every lane is given the result.

const LANES: u32 = 64u;

var<workgroup> lane_values: array<f32, LANES>;
var<workgroup> lane_indices: array<u32, LANES>;

fn sum_of_lanes(value: f32, lane: u32) -> f32 {
    // Lanes may still be reading what the reduction before left.
    workgroupBarrier();
    lane_values[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            lane_values[lane] += lane_values[lane + half];
        }
        workgroupBarrier();
    }
    return lane_values[0];
}

struct Best {
    score: f32,
    index: u32,
}

// The highest score with its index; the lowest index among equals.
fn best_of_lanes(best: Best, lane: u32) -> Best {
    workgroupBarrier();
    lane_values[lane] = best.score;
    lane_indices[lane] = best.index;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            let score = lane_values[lane + half];
            let index = lane_indices[lane + half];
            if score > lane_values[lane] || (score == lane_values[lane] && index < lane_indices[lane]) {
                lane_values[lane] = score;
                lane_indices[lane] = index;
            }
        }
        workgroupBarrier();
    }
    return Best(lane_values[0], lane_indices[0]);
}
