// Multiplies many rows of activations with a chunk of a weight matrix, like matmul: for GPUs, where workgroups share
// what they read. Compiled with weights/* (bindings 1 and 2), matmul/params (0 and 3) and matmul/store_*.
//
//   0     params           as in matmul
//   1, 2  weights  [rows, columns]
//   3     input    [.., columns]
//
// A workgroup multiplies a panel in the first half of the chunk's and one in the second (x) with 32 tokens (z). In
// each step its 64 invocations fetch and unpack 32 columns of both into workgroup memory (12 KiB); then each sums
// four rows of either panel for four tokens.

const WORKGROUP_TOKENS: u32 = 32u;
const STEP: u32 = 8u;  // groups of four columns

var<workgroup> tile_a: array<mat4x4f, 64>;    // [STEP, lanes]: four rows of four columns
var<workgroup> tile_b: array<mat4x4f, 64>;
var<workgroup> tile_input: array<vec4f, 256>; // [STEP, WORKGROUP_TOKENS]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let half_panels = (params.rows + 63u) / 64u;
    let blocks = vec2u(group.x, group.x + half_panels) * params.blocks;
    let lane = index % 8u;
    // While fetching, which four columns of the step; while summing, which four tokens.
    let eighth = index / 8u;
    let first_token = group.z * WORKGROUP_TOKENS;

    var sums_a = mat4x4f();
    var sums_b = mat4x4f();
    for (var first = 0u; first < params.columns4; first += STEP) {
        let column4 = first + eighth;
        let inside = column4 < params.columns4;
        let block = column4 / PARTS;
        let part = column4 % PARTS;
        workgroupBarrier();
        if inside {
            tile_a[index] = weights_of(blocks.x + block, lane, part);
            tile_b[index] = weights_of(blocks.y + block, lane, part);
        }
        for (var i = lane; i < WORKGROUP_TOKENS; i += 8u) {
            // Tokens past the end repeat the last one, and what comes of them is not written.
            let token = params.input_row + min(first_token + i, params.tokens - 1u);
            if inside {
                tile_input[eighth * WORKGROUP_TOKENS + i] = input[token * params.columns4 + column4];
            }
        }
        workgroupBarrier();
        for (var i = 0u; i < min(STEP, params.columns4 - first); i += 1u) {
            let at = i * WORKGROUP_TOKENS + 4u * eighth;
            let x = mat4x4f(tile_input[at], tile_input[at + 1u], tile_input[at + 2u], tile_input[at + 3u]);
            sums_a += tile_a[i * 8u + lane] * x;
            sums_b += tile_b[i * 8u + lane] * x;
        }
    }

    let row = group.x * 32u + 4u * lane;
    let rows = vec2u(row, row + 32u * half_panels);
    let token = first_token + 4u * eighth;
    for (var i = 0u; i < 4u && token + i < params.tokens; i += 1u) {
        store(token + i, rows, sums_a[i], sums_b[i]);
    }
}
