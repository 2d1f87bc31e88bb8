// Matrix products for four rows of activations at a time: whatever is read or unpacked is used four times.

const TOKENS: u32 = 4u;

alias Activations = mat4x4f;  // four columns, a matrix column for each token
alias Sums = mat4x4f;         // four rows of weights, a matrix column for each token

fn activations(rows: vec4u, column4: u32) -> Activations {
    return Activations(
        input[rows.x + column4],
        input[rows.y + column4],
        input[rows.z + column4],
        input[rows.w + column4],
    );
}

fn placed(x: Activations) -> Activations {
    return Activations(PLACES * x[0], PLACES * x[1], PLACES * x[2], PLACES * x[3]);
}

fn scaled(scale: Scale, products: Sums, totals: Activations) -> Sums {
    let total = OFFSET_COLUMNS * totals;
    return Sums(
        scale.scale * products[0] + scale.offset * total.x,
        scale.scale * products[1] + scale.offset * total.y,
        scale.scale * products[2] + scale.offset * total.z,
        scale.scale * products[3] + scale.offset * total.w,
    );
}

fn sums_of_token(sums: Sums, token: u32) -> vec4f {
    return sums[token];
}
