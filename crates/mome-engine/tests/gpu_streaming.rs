//! Weights go to the GPU as they come: opening a backbone needs little memory of its own, however large it is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../mome-backbone/tests/common/mod.rs"]
mod gguf;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use gguf::{Meta, byte_vocabulary, small_llama};
use mome_engine::{DeviceChoice, Head, Opening, Pass};

/// Bytes of one part of a backbone in a pack, at most.
const PART: usize = 32 << 20;

/// What opening may take besides the part at hand.
const ROOM: usize = 64 << 20;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Counts the bytes that are allocated.
struct Counting;

#[expect(unsafe_code, reason = "there is no other way to see allocations")]
// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A llama of 260 MiB in half precision, all zeros; some of its tensors are larger than a part.
fn large() -> Vec<u8> {
    const HALVES: u32 = 1;
    let (width, inner) = (2048, 8704);
    let zeros = |shape: [u64; 2]| vec![0; 2 * (shape[0] * shape[1]) as usize];
    let mut writer = small_llama(&byte_vocabulary(), &[])
        .meta("llama.embedding_length", Meta::U32(width as u32))
        .meta("llama.feed_forward_length", Meta::U32(inner as u32))
        .meta("llama.block_count", Meta::U32(2))
        .meta("llama.attention.head_count", Meta::U32(16))
        .meta("llama.attention.head_count_kv", Meta::U32(16));
    let mut tensor = |name: &str, shape: [u64; 2]| {
        let taken = std::mem::take(&mut writer);
        writer = taken.without_tensor(name).tensor(name, HALVES, &shape, zeros(shape));
    };
    tensor("token_embd.weight", [width, 257]);
    for block in 0..2 {
        for part in ["attn_q", "attn_k", "attn_v", "attn_output"] {
            tensor(&format!("blk.{block}.{part}.weight"), [width, width]);
        }
        for part in ["ffn_gate", "ffn_up"] {
            tensor(&format!("blk.{block}.{part}.weight"), [width, inner]);
        }
        tensor(&format!("blk.{block}.ffn_down.weight"), [inner, width]);
    }
    for name in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm", "blk.1.attn_norm", "blk.1.ffn_norm"] {
        let name = format!("{name}.weight");
        let taken = std::mem::take(&mut writer);
        writer = taken.without_tensor(&name).tensor(&name, 0, &[width], vec![0; 4 * width as usize]);
    }
    writer.bytes()
}

#[test]
fn opening_takes_little_memory_besides_the_part_at_hand() {
    let file = large();
    assert!(file.len() > 6 * PART);
    let mut opening = Opening::new(file.len() as u64, DeviceChoice::Gpu.into());
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let executor = pollster::block_on(async {
        for part in file.chunks(PART) {
            // Whoever fetches a part has it in memory.
            let fetched = part.to_vec();
            opening.push(&fetched).await.unwrap();
        }
        opening.finish().await.unwrap().executor
    });
    let taken = MOST.load(Ordering::Relaxed) - before;
    assert!(taken < PART + ROOM, "{} MiB were allocated", taken >> 20);

    let mut sequence = executor.begin(4).unwrap();
    let head = Head { rows: 1, ..Head::default() };
    let pass = Pass { tokens: &[1, 2, 3], head: Some(head), ..Pass::default() };
    let output = pollster::block_on(sequence.run(pass)).unwrap();
    assert_eq!(output.predictions[0].token, 0, "all logits are equal");
    println!("{} MiB were allocated besides the device's", taken >> 20);
}
