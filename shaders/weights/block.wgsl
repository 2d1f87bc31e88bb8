// What the files beside this one say of a weight matrix. Rows are in panels of 32 (the last one filled up with
// zeros), columns in blocks; a lane holds four rows of a panel, so that neighbouring lanes read neighbouring
// words. A block is given by panel * blocks + its number in the row. Each file has
//
//   PARTS              how many times four columns a block has: 8, or 1 for floats
//   SCALES             how many scales share these columns: 1, or 2 for 16 columns each
//   columns(..)        four rows of four columns, a matrix column for each column of weights
//   scale_of(..)       what these stand for:
//                          weight = scale * PLACES[c] * columns[c] + OFFSET_COLUMNS[c] * offset
//                      PLACES undoes that quants are left where they lie in a word.

struct Scale {
    scale: vec4f,   // of four rows
    offset: vec4f,
}

// Four rows of four columns as they are meant, a matrix column for each column of weights.
fn weights_of(block: u32, lane: u32, part: u32) -> mat4x4f {
    let quants = columns(block, lane, part);
    let scale = scale_of(block, lane, part * SCALES / PARTS);
    return mat4x4f(
        scale.scale * PLACES.x * quants[0] + scale.offset * OFFSET_COLUMNS.x,
        scale.scale * PLACES.y * quants[1] + scale.offset * OFFSET_COLUMNS.y,
        scale.scale * PLACES.z * quants[2] + scale.offset * OFFSET_COLUMNS.z,
        scale.scale * PLACES.w * quants[3] + scale.offset * OFFSET_COLUMNS.w,
    );
}
