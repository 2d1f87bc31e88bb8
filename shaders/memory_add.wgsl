// Adds the slots' contributions to the logits of their tokens. Slots are sorted by token, so each run of equal
// tokens belongs to one invocation, which sums in slot order: no atomics, and always the same rounding. Rows
// where null leads are left as they are, bit for bit.
//
//   0  params
//   1  contributions  [rows, slots]
//   2  leading        [rows]             a slot, or NONE
//   3  runs           [runs]
//   4  logits         [chunk, vocabulary]
//
// x over runs in groups of 64, y over the rows of the chunk.

struct Params {
    slots: u32,
    runs: u32,
    vocabulary: u32,
    first_row: u32,  // of the chunk
}

struct Run {
    token: u32,
    begin: u32,  // its slots: from begin up to, not including, end
    end: u32,
}

const NONE: u32 = 0xffffffffu;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> contributions: array<f32>;
@group(0) @binding(2) var<storage, read> leading: array<u32>;
@group(0) @binding(3) var<storage, read> runs: array<Run>;
@group(0) @binding(4) var<storage, read_write> logits: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = params.first_row + id.y;
    if id.x >= params.runs || leading[row] == NONE {
        return;
    }
    let run = runs[id.x];
    let at = id.y * params.vocabulary + run.token;
    var logit = logits[at];
    for (var j = run.begin; j < run.end; j += 1u) {
        logit += contributions[row * params.slots + j];
    }
    logits[at] = logit;
}
