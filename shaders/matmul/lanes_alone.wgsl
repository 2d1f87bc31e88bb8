// Each invocation sums whole rows. None waits for another, which software adapters need;
// workgroups are small, so that even few rows keep all processor cores busy.

const WIDTH: u32 = 8u;
const SLICES: u32 = 1u;

fn gathered(sums: Sums, lane: u32, slice: u32) -> Sums {
    return sums;
}
