// A gated layer: the first half of a chunk's panels are rows of the gate, the second half the same rows of
// `up`; output = activated(gate) * up With activations/silu it is SwiGLU, with activations/gelu GeGLU
// (Shazeer, 2020).
//
//   4  output  [tokens, columns]

struct StoreParams {
    first_column: u32,  // of the output, that the chunk begins with
    end_column: u32,    // where it ends
    columns: u32,
}

@group(0) @binding(4) var<storage, read_write> output: array<f32>;

fn store(token: u32, rows: vec2u, gate: vec4f, up: vec4f) {
    let values = activated(gate) * up;
    let column = params.store.first_column + rows.x;
    let end = min(params.store.end_column, column + 4u);
    for (var c = column; c < end; c += 1u) {
        output[token * params.store.columns + c] = values[c - column];
    }
}
