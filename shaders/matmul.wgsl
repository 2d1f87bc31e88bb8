// Multiplies rows of activations with a chunk of a weight matrix:
//   sums[t, r] = sum over i of weights[r, i] * input[input_row + t, i]
// What becomes of the sums is said in the file of matmul/store_*.wgsl that this is compiled with. The others are
// weights/* (bindings 1 and 2), matmul/params (0 and 3), matmul/tokens_* (how many tokens at a time) and
// matmul/lanes_* (how invocations share the work).
//
//   0     params
//   1, 2  weights  [rows, columns]
//   3     input    [.., columns]
//
// An invocation has four rows in each half of the chunk's panels, and TOKENS tokens. Workgroups are WIDTH
// invocations along the rows (x) times SLICES along the columns (y); z is over tokens.

// Sums over the columns of a block that share a scale.
struct Partial {
    a: Sums,              // of rows in the first half
    b: Sums,              // of rows in the second half
    totals: Activations,  // of the activations
}

// The invocation's part of the two blocks that it is at.
struct Place {
    blocks: vec2u,  // in the first half and the second
    lane: u32,      // in the panel
    inputs: vec4u,  // where the tokens' activations begin
    column4: u32,   // of the block
}

fn multiply(place: Place, part: u32, partial: ptr<function, Partial>) {
    let x = activations(place.inputs, place.column4 + part);
    let placed = placed(x);
    (*partial).a += columns(place.blocks.x, place.lane, part) * placed;
    (*partial).b += columns(place.blocks.y, place.lane, part) * placed;
    (*partial).totals += x;
}

@compute @workgroup_size(WIDTH, SLICES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let half_panels = (params.rows + 63u) / 64u;
    let index = group.x * WIDTH + local.x;
    let panel = index / 8u;
    let row = vec2u(4u * index, 4u * (index + 8u * half_panels));
    let first_token = group.z * TOKENS;
    // Tokens past the end repeat the last one, and what comes of them is not written.
    let tokens = min(first_token + vec4u(0u, 1u, 2u, 3u), vec4u(params.tokens - 1u));
    let end = select(0u, params.blocks, panel < half_panels);

    var place: Place;
    place.lane = index % 8u;
    place.inputs = (params.input_row + tokens) * params.columns4;
    var sums_a = Sums();
    var sums_b = Sums();
    for (var block = local.y; block < end; block += SLICES) {
        place.blocks = vec2u(panel, panel + half_panels) * params.blocks + block;
        place.column4 = block * PARTS;
        // Written out, because loops of few steps cost more than the steps where nothing unrolls them.
        var partial = Partial();
        multiply(place, 0u, &partial);
        if PARTS > 1u {
            multiply(place, 1u, &partial);
            multiply(place, 2u, &partial);
            multiply(place, 3u, &partial);
            if SCALES == 2u {
                sums_a += scaled(scale_of(place.blocks.x, place.lane, 0u), partial.a, partial.totals);
                sums_b += scaled(scale_of(place.blocks.y, place.lane, 0u), partial.b, partial.totals);
                partial = Partial();
            }
            multiply(place, 4u, &partial);
            multiply(place, 5u, &partial);
            multiply(place, 6u, &partial);
            multiply(place, 7u, &partial);
        }
        sums_a += scaled(scale_of(place.blocks.x, place.lane, SCALES - 1u), partial.a, partial.totals);
        sums_b += scaled(scale_of(place.blocks.y, place.lane, SCALES - 1u), partial.b, partial.totals);
    }

    sums_a = gathered(sums_a, local.x, local.y);
    sums_b = gathered(sums_b, local.x, local.y);
    if local.y == 0u && panel < half_panels {
        for (var i = 0u; i < min(TOKENS, params.tokens - first_token); i += 1u) {
            store(first_token + i, row, sums_of_token(sums_a, i), sums_of_token(sums_b, i));
        }
    }
}
