//! Splitting of a shard that holds too much: into parts whose experts lie near one another.

use mome_pack::TARGET_SHARD;
use mome_retrieval::vectors::dot;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::item::{Item, middle, size};

/// How full shards are made. What is left of the target takes experts that some wording looks for here, though
/// they lie in another shard, and experts that come later.
const FILLED: usize = TARGET_SHARD / 8 * 7;

/// Rounds of moving experts to the nearer of two middles.
const ROUNDS: usize = 12;

/// Splits items until each part has a fitting size.
pub(crate) fn parts(items: &[Item], members: Vec<usize>, random: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut parts = Vec::new();
    let mut open = vec![members];
    while let Some(members) = open.pop() {
        if members.len() < 2 || size(items, &members) <= FILLED {
            parts.push(members);
        } else {
            let (left, right) = halves(items, members, random);
            open.extend([right, left]);
        }
    }
    parts
}

/// Splits some items into two of about equal size that each lie near one middle (2-means, the halves balanced by
/// the difference of the distances).
fn halves(items: &[Item], mut members: Vec<usize>, random: &mut ChaCha8Rng) -> (Vec<usize>, Vec<usize>) {
    let mut one = items[members[random.random_range(0..members.len())]].routing.clone();
    let farthest = |from: &[f32]| {
        let key = |&&member: &&usize| dot(&items[member].routing, from);
        members.iter().min_by(|a, b| key(a).total_cmp(&key(b))).map(|&member| items[member].routing.clone())
    };
    let mut other = farthest(&one).unwrap_or_else(|| one.clone());
    let mut half = members.len() / 2;
    for _ in 0..ROUNDS {
        let lean = |member: usize| dot(&items[member].routing, &other) - dot(&items[member].routing, &one);
        let mut leaning: Vec<(f32, usize)> = members.iter().map(|&member| (lean(member), member)).collect();
        leaning.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        members = leaning.iter().map(|&(_, member)| member).collect();
        let nearer_one = leaning.partition_point(|&(lean, _)| lean < 0.0);
        // No half may be less than a third, so that shards stay few.
        half = nearer_one.clamp(members.len().div_ceil(3), members.len() - members.len().div_ceil(3));
        half = half.clamp(1, members.len() - 1);
        (one, other) =
            (middle(items, &members[..half]).dequantize(), middle(items, &members[half..]).dequantize());
    }
    let mut right = members.split_off(half);
    members.sort_unstable();
    right.sort_unstable();
    (members, right)
}
