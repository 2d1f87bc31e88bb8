// Reductions over the 64 lanes of a workgroup, as in lanes/together.wgsl, but within a subgroup by the GPU's own
// instructions: one exchange through workgroup memory instead of six. Subgroups are taken to be neighbouring lanes,
// as many as the first has; the self-check refuses a GPU on which they are not. Browsers want `enable subgroups;` before
// this, which naga does not know.

const LANES: u32 = 64u;
const NO_INDEX: u32 = 0xffffffffu;

// What each subgroup found, at the place of its first lane.
var<workgroup> lane_values: array<f32, LANES>;
var<workgroup> lane_indices: array<u32, LANES>;

fn sum_of_lanes(value: f32, lane: u32) -> f32 {
    let subgroup_sum = subgroupAdd(value);
    let size = subgroupAdd(1u);
    // Lanes may still be reading what the reduction before left.
    workgroupBarrier();
    if lane % size == 0u {
        lane_values[lane] = subgroup_sum;
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var first = 0u; first < LANES; first += size) {
        sum += lane_values[first];
    }
    return sum;
}

struct Best {
    score: f32,
    index: u32,
}

// The highest score with its index; the lowest index among equals.
fn best_of_lanes(best: Best, lane: u32) -> Best {
    let score = subgroupMax(best.score);
    let index = subgroupMin(select(NO_INDEX, best.index, best.score == score));
    let size = subgroupAdd(1u);
    workgroupBarrier();
    if lane % size == 0u {
        lane_values[lane] = score;
        lane_indices[lane] = index;
    }
    workgroupBarrier();
    var found = Best(lane_values[0], lane_indices[0]);
    for (var first = size; first < LANES; first += size) {
        let other = Best(lane_values[first], lane_indices[first]);
        if other.score > found.score || (other.score == found.score && other.index < found.index) {
            found = other;
        }
    }
    return found;
}
