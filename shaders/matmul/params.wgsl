// What all matrix products are given; compiled before matmul.wgsl or matmul_tiled.wgsl.

struct Params {
    tokens: u32,      // activation rows to multiply
    input_row: u32,   // first activation row
    columns4: u32,    // columns / 4
    blocks: u32,      // of a row
    rows: u32,        // of the chunk
    first_row: u32,   // of the chunk, in the matrix
    total_rows: u32,  // of the matrix
    unused: u32,
    store: StoreParams,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> input: array<vec4f>;
