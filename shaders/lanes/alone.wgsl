// A workgroup of one invocation: what kernels that sum over lanes become where barriers are dear.

const LANES: u32 = 1u;

fn sum_of_lanes(value: f32, lane: u32) -> f32 {
    return value;
}
