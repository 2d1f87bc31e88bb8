// Writes the sums, or adds them to what is there (the residual connection), with a bias or without.
//
//   4  output  [.., total_rows]
//   5  bias    [total_rows]      where there is none any buffer is bound, and not read

struct StoreParams {
    output_row: u32,  // first row to write
    add: u32,         // 1 to add to the output
    bias: u32,        // 1 where there is one
}

@group(0) @binding(4) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;

fn store(token: u32, rows: vec2u, sums_a: vec4f, sums_b: vec4f) {
    store_four(token, rows.x, sums_a);
    store_four(token, rows.y, sums_b);
}

fn store_four(token: u32, row: u32, sums: vec4f) {
    let at = (params.store.output_row + token) * params.total_rows;
    let end = min(params.rows, row + 4u);
    for (var r = row; r < end; r += 1u) {
        let column = params.first_row + r;
        var sum = sums[r - row];
        if params.store.bias == 1u {
            sum += bias[column];
        }
        if params.store.add == 1u {
            sum += output[at + column];
        }
        output[at + column] = sum;
    }
}
