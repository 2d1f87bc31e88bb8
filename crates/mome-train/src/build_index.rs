//! Building of the index: experts that lie near one another go into one shard.

use mome::index::{centroid, nearest};
use mome::selection::dot;
use mome_pack::{ROUTING_WIDTH, Shard, UnitVector};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How many shards a question is looked for in.
pub const BEAM: u16 = 6;

/// How full shards are made. What is left of the target takes experts that some wording looks for here, though
/// they lie in another shard.
const FILLED: usize = mome_pack::TARGET_SHARD / 8 * 7;

/// Rounds of moving experts to the nearer of two middles.
const ROUNDS: usize = 12;

/// An expert as the index sees it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Routing key that decides the shard.
    pub routing: [f32; ROUTING_WIDTH],
    /// Routing keys of all stored wordings: each must lead to a shard that holds the expert.
    pub wordings: Vec<[f32; ROUTING_WIDTH]>,
    /// Bytes that the expert takes in a shard.
    pub bytes: usize,
}

/// Which experts lie in which shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// For each shard, the middle that leads to it.
    pub centroids: Vec<UnitVector<ROUTING_WIDTH>>,
    /// For each shard, its experts in ascending order.
    pub shards: Vec<Vec<usize>>,
}

impl Plan {
    /// Splits the items until every shard has a fitting size, then puts copies where a stored wording would look
    /// in vain.
    #[must_use]
    pub fn new(items: &[Item], seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut shards = Vec::new();
        let mut open = vec![(0..items.len()).collect::<Vec<_>>()];
        while let Some(members) = open.pop() {
            if members.len() < 2 || size(items, &members) <= FILLED {
                shards.push(members);
            } else {
                let (left, right) = halves(items, members, &mut random);
                open.extend([right, left]);
            }
        }
        let centroids: Vec<_> =
            shards.iter().map(|shard| centroid(shard.iter().map(|&item| &items[item].routing))).collect();
        let mut plan = Self { centroids, shards };
        plan.cover_wordings(items);
        plan
    }

    /// The shards that a routing key is looked for in.
    fn route(centroids: &[[f32; ROUTING_WIDTH]], routing: &[f32; ROUTING_WIDTH]) -> Vec<usize> {
        nearest(centroids, routing, BEAM.into())
    }

    /// Copies an expert into the nearest shard for each of its wordings that leads to none that holds it.
    fn cover_wordings(&mut self, items: &[Item]) {
        let centroids: Vec<_> = self.centroids.iter().map(UnitVector::dequantise).collect();
        for (number, item) in items.iter().enumerate() {
            for wording in &item.wordings {
                let route = Self::route(&centroids, wording);
                if route.iter().any(|&shard| self.shards[shard].contains(&number)) {
                    continue;
                }
                let fits = |shard: &&usize| {
                    size(items, &self.shards[**shard]) + item.bytes + 4 <= mome_pack::TARGET_SHARD
                };
                let smallest = || route.iter().min_by_key(|shard| size(items, &self.shards[**shard]));
                if let Some(&shard) = route.iter().find(fits).or_else(smallest) {
                    self.shards[shard].push(number);
                    self.shards[shard].sort_unstable();
                }
            }
        }
    }
}

fn size(items: &[Item], members: &[usize]) -> usize {
    Shard::overhead(members.len()) + members.iter().map(|&member| items[member].bytes).sum::<usize>()
}

/// Splits some items into two of about equal size that each lie near one middle (2-means, the halves balanced by
/// the difference of the distances).
fn halves(items: &[Item], mut members: Vec<usize>, random: &mut ChaCha8Rng) -> (Vec<usize>, Vec<usize>) {
    let mut one = items[members[random.random_range(0..members.len())]].routing;
    let farthest = |from: &[f32; ROUTING_WIDTH]| {
        let key = |&&member: &&usize| dot(&items[member].routing, from);
        members.iter().min_by(|a, b| key(a).total_cmp(&key(b))).map(|&member| items[member].routing)
    };
    let mut other = farthest(&one).unwrap_or(one);
    let mut middle = members.len() / 2;
    for _ in 0..ROUNDS {
        let lean = |member: usize| dot(&items[member].routing, &other) - dot(&items[member].routing, &one);
        let mut leaning: Vec<(f32, usize)> = members.iter().map(|&member| (lean(member), member)).collect();
        leaning.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        members = leaning.iter().map(|&(_, member)| member).collect();
        let nearer_one = leaning.partition_point(|&(lean, _)| lean < 0.0);
        // No half may be less than a third, so that shards stay few.
        middle = nearer_one.clamp(members.len().div_ceil(3), members.len() - members.len().div_ceil(3));
        middle = middle.clamp(1, members.len() - 1);
        let mean = |part: &[usize]| centroid(part.iter().map(|&member| &items[member].routing)).dequantise();
        (one, other) = (mean(&members[..middle]), mean(&members[middle..]));
    }
    let mut right = members.split_off(middle);
    members.sort_unstable();
    right.sort_unstable();
    (members, right)
}

#[cfg(test)]
mod tests {
    use mome::selection::normalise;
    use proptest::prelude::*;

    use super::*;

    fn item(seed: u64, bytes: usize, wordings: usize) -> Item {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut key = || {
            let mut key: [f32; ROUTING_WIDTH] = std::array::from_fn(|_| random.random_range(-1f32..1.0));
            normalise(&mut key);
            key
        };
        Item { routing: key(), wordings: (0..wordings).map(|_| key()).collect(), bytes }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn every_wording_leads_to_its_expert(
            sizes in prop::collection::vec(500usize..6000, 1..300),
            seed in any::<u64>(),
        ) {
            let items: Vec<Item> =
                sizes.iter().enumerate().map(|(at, &bytes)| item(seed ^ at as u64, bytes, 3)).collect();
            let plan = Plan::new(&items, seed);
            let centroids: Vec<_> = plan.centroids.iter().map(UnitVector::dequantise).collect();
            for (number, item) in items.iter().enumerate() {
                prop_assert!(plan.shards.iter().any(|shard| shard.contains(&number)));
                for wording in &item.wordings {
                    let route = Plan::route(&centroids, wording);
                    prop_assert!(route.iter().any(|&shard| plan.shards[shard].contains(&number)));
                }
            }
        }
    }

    #[test]
    fn shards_are_of_a_size() {
        let items: Vec<Item> = (0..400)
            .map(|seed| {
                let item = item(seed, 3000, 0);
                Item { wordings: vec![item.routing], ..item }
            })
            .collect();
        let plan = Plan::new(&items, 1);
        let sizes: Vec<usize> = plan.shards.iter().map(|shard| size(&items, shard)).collect();
        assert!(sizes.iter().all(|&size| size <= mome_pack::TARGET_SHARD), "{sizes:?}");
        assert!(sizes.len() <= 60, "{} shards for 1.2 MB", sizes.len());
        assert_eq!(plan, Plan::new(&items, 1), "the same seed gives the same plan");
    }

    #[test]
    fn a_large_expert_has_a_shard_of_its_own() {
        let items = [item(1, 100_000, 1), item(2, 1000, 1), item(3, 1000, 1)];
        let plan = Plan::new(&items, 1);
        assert!(plan.shards.contains(&vec![0]) || plan.shards.iter().any(|shard| shard.contains(&0)));
        assert!(plan.shards.len() >= 2);
    }
}
