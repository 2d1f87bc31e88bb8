// Eight invocations, the slices, take every eighth block of the same rows, and slice 0 gathers their sums: so that
// even few rows keep a GPU busy.

const WIDTH: u32 = 16u;
const SLICES: u32 = 8u;

var<workgroup> partial: array<Sums, WIDTH * SLICES>;

fn gathered(sums: Sums, lane: u32, slice: u32) -> Sums {
    let at = slice * WIDTH + lane;
    workgroupBarrier();
    partial[at] = sums;
    workgroupBarrier();
    for (var half = SLICES / 2u; half > 0u; half /= 2u) {
        if slice < half {
            partial[at] += partial[at + half * WIDTH];
        }
        workgroupBarrier();
    }
    return partial[at];
}
