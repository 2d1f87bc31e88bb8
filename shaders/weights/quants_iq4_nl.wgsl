// 4-bit quants that stand for 16 unevenly spaced numbers (IQ4_NL), laid out as in quants_4.wgsl. The numbers, like
// those of quants_8.wgsl, are raised by 128 in the lower three bytes of a word.
//
//   1  weights  [panels, blocks, 4 words, 8 lanes]

const OFFSET_COLUMNS: vec4f = vec4f(1.0, 1.0, 1.0, 0.0);

// The number that each quant stands for, in every byte of a word.
const NUMBERS: array<u32, 16> = array(
    0x81010101u, 0x98181818u, 0xad2d2d2du, 0xbf3f3f3fu,
    0xcf4f4f4fu, 0xdd5d5d5du, 0xea6a6a6au, 0xf6767676u,
    0x01818181u, 0x0d8d8d8du, 0x19999999u, 0x26a6a6a6u,
    0x35b5b5b5u, 0x45c5c5c5u, 0x59d9d9d9u, 0x71f1f1f1u,
);

@group(0) @binding(1) var<storage, read> weights: array<vec4u>;

fn columns(block: u32, lane: u32, part: u32) -> mat4x4f {
    let words = weights[block * 32u + part % 4u * 8u + lane];
    return byte_columns(numbers((words >> vec4u(part / 4u * 4u)) & vec4u(0x0f0f0f0fu)));
}

// Looks up every byte, four at once: each bit of the quants halves what is left of the table. Indexing it would
// cost a memory access a byte.
fn numbers(quants: vec4u) -> vec4u {
    let bit0 = mask(quants);
    let bit1 = mask(quants >> vec4u(1u));
    let bit2 = mask(quants >> vec4u(2u));
    let bit3 = mask(quants >> vec4u(3u));
    let low = choose(four(0u, bit0, bit1), four(4u, bit0, bit1), bit2);
    let high = choose(four(8u, bit0, bit1), four(12u, bit0, bit1), bit2);
    return choose(low, high, bit3);
}

// Every byte becomes 0xff where its lowest bit is set, else 0.
fn mask(bits: vec4u) -> vec4u {
    return (bits & vec4u(0x01010101u)) * vec4u(0xffu);
}

fn choose(no: vec4u, yes: vec4u, condition: vec4u) -> vec4u {
    return no ^ ((no ^ yes) & condition);
}

fn four(first: u32, bit0: vec4u, bit1: vec4u) -> vec4u {
    let even = choose(vec4u(NUMBERS[first]), vec4u(NUMBERS[first + 1u]), bit0);
    let odd = choose(vec4u(NUMBERS[first + 2u]), vec4u(NUMBERS[first + 3u]), bit0);
    return choose(even, odd, bit1);
}
