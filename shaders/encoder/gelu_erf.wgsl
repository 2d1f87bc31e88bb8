// GELU, in place, as it is defined (Hendrycks and Gimpel, 2016):
//   values = values / 2 * (1 + erf(values / sqrt(2)))
//
//   0  params
//   1  values  [tokens, columns]
//
// One invocation for four columns of a token: x over columns in groups of 64, y over tokens.

struct Params {
    columns4: u32,  // columns / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> values: array<vec4f>;

// The complementary error function of what is not negative, to 1.5e-7 (Abramowitz and Stegun, 7.1.26).
fn erfc(x: vec4f) -> vec4f {
    let t = 1.0 / (1.0 + 0.3275911 * x);
    let polynomial =
        ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return polynomial * exp(-x * x);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= params.columns4 {
        return;
    }
    let at = id.y * params.columns4 + id.x;
    let x = values[at];
    // Where x is below zero, 1 + erf is erfc of the magnitude.
    let half_erfc = 0.5 * erfc(abs(x) * 0.70710678);
    values[at] = x * select(1.0 - half_erfc, half_erfc, x < vec4f());
}
