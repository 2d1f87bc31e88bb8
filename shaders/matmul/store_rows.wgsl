// Writes the sums, or adds them to what is there (the residual connection), with a bias or without.
//
//   4  output  [.., output_columns]
//   5  bias    [output_columns]  where there is none any buffer is bound, and not read

const ADD: u32 = 1u;
const BIAS: u32 = 2u;

@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;

fn store(token: u32, rows: vec2u, sums_a: vec4f, sums_b: vec4f) {
    store_four(token, rows.x, sums_a);
    store_four(token, rows.y, sums_b);
}

fn store_four(token: u32, row: u32, sums: vec4f) {
    let end = min(params.rows, row + 4u);
    let at = (params.output_row + token) * params.output_columns + params.output_column;
    for (var r = row; r < end; r += 1u) {
        var sum = sums[r - row];
        if (params.flags & BIAS) != 0u {
            sum += bias[params.output_column + r];
        }
        if (params.flags & ADD) != 0u {
            sum += output[at + r];
        }
        output[at + r] = sum;
    }
}
