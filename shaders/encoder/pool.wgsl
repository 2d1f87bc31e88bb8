// Pools the states of each text: their mean, or the state of its first token.
//
//   0  params
//   1  texts   [texts]                  from which token to which (not including)
//   2  states  [tokens, columns]
//   3  output  [texts, output_columns]  columns from first_column on are written
//
// One invocation for four columns of a text: x over columns in groups of 64, y over texts.

struct Params {
    columns4: u32,         // columns / 4
    output_columns4: u32,  // output_columns / 4
    first_column4: u32,    // first_column / 4
    mean: u32,             // 1 for the mean, 0 for the first token
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> texts: array<vec2u>;
@group(0) @binding(2) var<storage, read> states: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.columns4 {
        return;
    }
    let text = texts[id.y];
    let end = select(text.x + 1u, text.y, params.mean == 1u);
    var sum = vec4f();
    for (var token = text.x; token < end; token += 1u) {
        sum += states[token * params.columns4 + id.x];
    }
    output[id.y * params.output_columns4 + params.first_column4 + id.x] = sum / f32(end - text.x);
}
