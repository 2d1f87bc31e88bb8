// Matrix products for one row of activations.

const TOKENS: u32 = 1u;

alias Activations = vec4f;  // four columns
alias Sums = vec4f;         // four rows of weights

fn activations(rows: vec4u, column4: u32) -> Activations {
    return input[rows.x + column4];
}

fn placed(x: Activations) -> Activations {
    return PLACES * x;
}

fn scaled(scale: Scale, products: Sums, totals: Activations) -> Sums {
    return scale.scale * products + scale.offset * dot(totals, OFFSET_COLUMNS);
}

fn sums_of_token(sums: Sums, token: u32) -> vec4f {
    return sums;
}
