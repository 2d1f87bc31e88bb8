// What weights that are not quantised share: a block is four columns of a panel, and there are no scales. Compiled
// with the file of a type, which has the weights and `column`.

const PARTS: u32 = 1u;
const SCALES: u32 = 1u;
const PLACES: vec4f = vec4f(1.0);
const OFFSET_COLUMNS: vec4f = vec4f(0.0);

// Four rows of the block's four columns.
fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    let at = block * 32u + lane;
    return mat4x4f(column(at), column(at + 8u), column(at + 16u), column(at + 24u));
}

fn scale_of(block: u32, lane: u32, half: u32) -> Scale {
    return Scale(vec4f(1.0), vec4f(0.0));
}
