// SiLU (Elfwing et al., 2017): x / (1 + exp(-x)).
fn activated(x: vec4f) -> vec4f {
    return x / (1.0 + exp(-x));
}

