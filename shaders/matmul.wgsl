// Multiplies rows of activations with a weight matrix:
//   output[output_row + t, o] = sum over i of weights[o, i] * input[input_row + t, i]
// or, with `accumulate`, adds that to what is there (the residual connection).
// Compiled after one of weights_*.wgsl, which brings bindings 1 and 2 and `weight4`.
//
//   0     params
//   1, 2  weights  [rows, columns]
//   3     input    [.., columns]
//   4     output   [.., rows]
//
// One invocation for eight weight rows and TILE activation rows, x over weight rows, y over tiles: whatever is
// read or unpacked is used several times from registers. No lane waits for another, which software adapters
// need; the price is that neighbouring lanes read distant weights.

struct Params {
    tokens: u32,      // activation rows to multiply
    rows: u32,        // of the weights
    columns4: u32,    // columns / 4
    input_row: u32,   // first activation row
    output_row: u32,  // first row to write
    accumulate: u32,  // 1 to add to the output
}

// Activation rows an invocation: 4, or 1 where there is only one (decoding).
override TILE: u32 = 4u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> input: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

// Four columns of four weight rows, a matrix column for each row. Rows past the end repeat the last one, and
// what comes of them is not written.
fn weights4x4(rows: vec4u, column4: u32) -> mat4x4f {
    return mat4x4f(
        weight4(rows.x, column4, params.columns4),
        weight4(rows.y, column4, params.columns4),
        weight4(rows.z, column4, params.columns4),
        weight4(rows.w, column4, params.columns4),
    );
}

// Writes four weight rows of one token.
fn write(token: u32, row: u32, sums: vec4f) {
    let at = (params.output_row + token) * params.rows + row;
    for (var i = 0u; i < min(4u, params.rows - row); i += 1u) {
        output[at + i] = select(0.0, output[at + i], params.accumulate == 1u) + sums[i];
    }
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.x * 8u;
    let first = id.y * TILE;
    if row >= params.rows {
        return;
    }
    let quad = vec4u(0u, 1u, 2u, 3u);
    let rows_a = min(row + quad, vec4u(params.rows - 1u));
    let rows_b = min(row + 4u + quad, vec4u(params.rows - 1u));
    // Tokens past the end repeat the last one, too.
    let tokens = min(first + quad, vec4u(params.tokens - 1u));
    let inputs = (params.input_row + tokens) * params.columns4;

    // A matrix column for each token.
    var sums_a = mat4x4f();
    var sums_b = mat4x4f();
    for (var column4 = 0u; column4 < params.columns4; column4 += 1u) {
        let weights_a = weights4x4(rows_a, column4);
        let weights_b = weights4x4(rows_b, column4);
        if TILE == 1u {
            let activation = input[inputs.x + column4];
            sums_a[0] += activation * weights_a;
            sums_b[0] += activation * weights_b;
        } else {
            let activations = mat4x4f(
                input[inputs.x + column4],
                input[inputs.y + column4],
                input[inputs.z + column4],
                input[inputs.w + column4],
            );
            sums_a += transpose(weights_a) * activations;
            sums_b += transpose(weights_b) * activations;
        }
    }
    let results_a = sums_a;
    let results_b = sums_b;
    for (var i = 0u; i < min(TILE, params.tokens - first); i += 1u) {
        write(first + i, row, results_a[i]);
        if row + 4u < params.rows {
            write(first + i, row + 4u, results_b[i]);
        }
    }
}
