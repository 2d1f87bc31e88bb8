// GELU in its tanh form (Hendrycks and Gimpel, 2016):
//   x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
fn activated(x: vec4f) -> vec4f {
    // x / 2 * (1 + tanh(y)) = x / (1 + exp(-2 y)), which does not overflow to NaN as some drivers' tanh does.
    return x / (1.0 + exp(-2.0 * 0.7978845608 * (x + 0.044715 * x * x * x)));
}

