//! Building and changing of the index: experts that lie near one another go into one shard, and every stored
//! wording leads to a shard that holds its expert.

use std::collections::{BTreeSet, HashSet};
use std::mem;

use mome_pack::{RoutingKey, TARGET_SHARD};
use mome_retrieval::router::nearest;
use mome_retrieval::vectors::dot;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::item::{Item, middle, size};
use super::split::parts;

/// How many shards a question is looked for in.
const NPROBE: usize = 6;

/// How often shards that copies made too full are split, which may call for further copies.
const SPLITS: usize = 4;

/// By how much a shard must be nearer to a wording than the first one that is not searched to be reached for certain: keys
/// are kept in eight bits, and devices round differently.
const CERTAIN: f32 = 0.006;

/// Which experts lie in which shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How many shards a question is looked for in.
    pub nprobe: usize,
    /// For each shard, the middle that leads to it.
    pub centroids: Vec<RoutingKey>,
    /// For each shard, its experts.
    pub shards: Vec<Vec<usize>>,
}

impl Plan {
    /// Spreads the items over shards.
    #[must_use]
    pub fn new(items: &[Item], seed: u64) -> Self {
        let mut plan = Self { nprobe: NPROBE, centroids: Vec::new(), shards: Vec::new() };
        plan.insert(items, &(0..items.len()).collect::<Vec<_>>(), seed);
        plan.shards.iter_mut().for_each(|shard| shard.sort_unstable());
        plan
    }

    /// Takes items out of every shard that holds them, and drops the shards that are left empty.
    pub fn remove(&mut self, gone: &HashSet<usize>) {
        self.shards.iter_mut().for_each(|shard| shard.retain(|item| !gone.contains(item)));
        let mut shards = self.shards.iter();
        self.centroids.retain(|_| shards.next().is_some_and(|shard| !shard.is_empty()));
        self.shards.retain(|shard| !shard.is_empty());
    }

    /// Puts further items into the shards nearest to them, splits those that become too full, and puts copies where a
    /// stored wording would look in vain. All other shards stay as they are.
    pub fn insert(&mut self, items: &[Item], added: &[usize], seed: u64) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        if self.shards.is_empty() {
            self.centroids.push(middle(items, added));
            self.shards.push(Vec::new());
        }
        let middles = self.middles();
        for &item in added {
            let nearest = nearest(&middles, &items[item].routing, 1);
            nearest.into_iter().for_each(|shard| self.shards[shard].push(item));
        }
        // Where nothing is split, all other wordings lead where they led.
        if self.split_full(items, &mut random) {
            self.cover(items, &self.held());
        } else {
            self.cover(items, added);
        }
        for _ in 1..SPLITS {
            if !self.split_full(items, &mut random) {
                break;
            }
            self.cover(items, &self.held());
        }
    }

    /// The items that some shard holds, in ascending order.
    fn held(&self) -> Vec<usize> {
        self.shards.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn middles(&self) -> Vec<Vec<f32>> {
        self.centroids.iter().map(RoutingKey::dequantize).collect()
    }

    /// Splits the shards that are larger than they should be: the first part stays in place, the others go to the
    /// end. Says whether there were any.
    fn split_full(&mut self, items: &[Item], random: &mut ChaCha8Rng) -> bool {
        let shards = self.shards.len();
        for shard in 0..shards {
            if self.shards[shard].len() < 2 || size(items, &self.shards[shard]) <= TARGET_SHARD {
                continue;
            }
            let mut parts = parts(items, mem::take(&mut self.shards[shard]), random).into_iter();
            for members in parts.by_ref().take(1) {
                self.centroids[shard] = middle(items, &members);
                self.shards[shard] = members;
            }
            for members in parts {
                self.centroids.push(middle(items, &members));
                self.shards.push(members);
            }
        }
        self.shards.len() > shards
    }

    /// Copies each of these items into the nearest shard for every wording of it that reaches none that holds it.
    fn cover(&mut self, items: &[Item], numbers: &[usize]) {
        let middles = self.middles();
        let in_vain: Vec<(usize, Vec<usize>)> = numbers
            .par_iter()
            .flat_map_iter(|&item| items[item].wordings.iter().map(move |wording| (item, wording)))
            .map(|(item, wording)| (item, reached(&middles, self.nprobe, &wording.dequantize())))
            .filter(|(item, reached)| !self.any_holds(reached, *item))
            .collect();
        let mut sizes: Vec<usize> = self.shards.iter().map(|shard| size(items, shard)).collect();
        for (item, reached) in in_vain {
            // A copy for another wording may serve this one too.
            if self.any_holds(&reached, item) {
                continue;
            }
            let taken = items[item].bytes + 4;
            let fitting = reached.iter().find(|&&shard| sizes[shard] + taken <= TARGET_SHARD);
            if let Some(&shard) = fitting.or_else(|| reached.iter().min_by_key(|&&shard| sizes[shard])) {
                self.shards[shard].push(item);
                sizes[shard] += taken;
            }
        }
    }

    fn any_holds(&self, shards: &[usize], item: usize) -> bool {
        shards.iter().any(|&shard| self.shards[shard].contains(&item))
    }
}

/// The shards that a wording reaches on any device, the nearest first. Where the last of them and the first that is left out are shards that
/// are all as near, the nearest one counts as reached.
fn reached(middles: &[Vec<f32>], nprobe: usize, wording: &[f32]) -> Vec<usize> {
    let mut near = nearest(middles, wording, nprobe + 1);
    let similarity = |shard: usize| dot(&middles[shard], wording);
    if let Some(&outside) = near.get(nprobe) {
        let least = similarity(outside) + CERTAIN;
        near.truncate(near.partition_point(|&shard| similarity(shard) >= least).max(1));
    }
    near
}

#[cfg(test)]
mod tests {
    use mome_retrieval::vectors::normalize;
    use proptest::prelude::*;

    use super::*;

    const WIDTH: usize = 128;

    type Key = Vec<f32>;

    /// An item with wordings near some point of a few, as those of a fact are near one another and facts of a kind too.
    fn item(seed: u64, bytes: usize, wordings: usize) -> (Item, Vec<Key>) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut around = |center: &Key, spread: f32| {
            let mut key: Key = center.iter().map(|x| x + spread * random.random_range(-1f32..1.0)).collect();
            normalize(&mut key);
            key
        };
        let mut kind = vec![0.0; WIDTH];
        kind[seed as usize % 5] = 1.0;
        let center = around(&kind, 0.1);
        let keys: Vec<Key> = (0..wordings).map(|_| around(&center, 0.12)).collect();
        let wordings = keys.iter().map(|key| RoutingKey::quantize(key)).collect();
        (Item { routing: center, wordings, bytes }, keys)
    }

    fn items(sizes: &[usize], seed: u64) -> (Vec<Item>, Vec<Vec<Key>>) {
        sizes.iter().enumerate().map(|(at, &bytes)| item(seed ^ at as u64, bytes, 3)).unzip()
    }

    /// The first item with a wording whose own key leads to no shard that holds it, of those that should be there.
    fn lost(plan: &Plan, keys: &[Vec<Key>], there: impl Fn(usize) -> bool) -> Option<usize> {
        let middles = plan.middles();
        let leads = |item: usize, key: &Key| plan.any_holds(&nearest(&middles, key, plan.nprobe), item);
        (0..keys.len()).find(|&item| there(item) && !keys[item].iter().all(|key| leads(item, key)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn every_wording_leads_to_its_expert(
            sizes in prop::collection::vec(500usize..6000, 1..300),
            seed in any::<u64>(),
        ) {
            let (items, keys) = items(&sizes, seed);
            prop_assert_eq!(lost(&Plan::new(&items, seed), &keys, |_| true), None);
        }

        #[test]
        fn every_wording_leads_to_its_expert_after_changes(
            sizes in prop::collection::vec(500usize..6000, 60..300),
            added in 1usize..60,
            seed in any::<u64>(),
        ) {
            let (items, keys) = items(&sizes, seed);
            let first = items.len() - added;
            let before = Plan::new(&items[..first], seed);
            let mut plan = before.clone();
            let gone: HashSet<usize> = (0..first).filter(|item| item % 7 == 3).collect();
            plan.remove(&gone);
            prop_assert_eq!(lost(&plan, &keys, |item| item < first && !gone.contains(&item)), None);
            plan.insert(&items, &(first..items.len()).collect::<Vec<_>>(), seed);
            prop_assert_eq!(lost(&plan, &keys, |item| !gone.contains(&item)), None);
            prop_assert!(plan.shards.iter().flatten().all(|item| !gone.contains(item)));
            let known = |centroid: &RoutingKey| before.centroids.contains(centroid);
            let moved = plan.centroids.iter().filter(|centroid| !known(centroid)).count();
            let grown = plan.shards.len().saturating_sub(before.shards.len());
            prop_assert!(moved <= 2 * grown + gone.len(), "{} of {} middles are new", moved, plan.shards.len());
        }
    }

    #[test]
    fn shards_are_of_a_size() {
        let items: Vec<Item> = (0..400).map(|seed| item(seed, 3000, 1).0).collect();
        let plan = Plan::new(&items, 1);
        let sizes: Vec<usize> = plan.shards.iter().map(|shard| size(&items, shard)).collect();
        assert!(sizes.iter().all(|&size| size <= TARGET_SHARD), "{sizes:?}");
        assert!(sizes.len() <= 60, "{} shards for 1.2 MB", sizes.len());
        assert_eq!(plan, Plan::new(&items, 1), "the same seed gives the same plan");
    }

    #[test]
    fn what_fits_changes_one_shard_and_what_does_not_splits_it() {
        let items: Vec<Item> = (0..402).map(|seed| item(seed, 3000, 1).0).collect();
        let before = Plan::new(&items[..400], 1);
        let mut plan = before.clone();
        plan.insert(&items, &[400], 1);
        assert_eq!(plan.centroids, before.centroids);
        let changed = plan.shards.iter().zip(&before.shards).filter(|(after, before)| after != before);
        assert!((1..=2).contains(&changed.count()), "its shard, and at most one for its wording");

        let large = Item { bytes: 60_000, ..items[401].clone() };
        let items = [&items[..401], &[large]].concat();
        plan.insert(&items, &[401], 1);
        assert!(plan.shards.len() > before.shards.len());
        let sizes: Vec<usize> = plan.shards.iter().map(|shard| size(&items, shard)).collect();
        assert!(sizes.iter().all(|&size| size <= TARGET_SHARD), "{sizes:?}");
    }

    #[test]
    fn a_large_expert_has_a_shard_of_its_own() {
        let items: Vec<Item> =
            [100_000, 1000, 1000].iter().zip(1..).map(|(&bytes, seed)| item(seed, bytes, 1).0).collect();
        let plan = Plan::new(&items, 1);
        assert!(plan.shards.contains(&vec![0]), "{:?}", plan.shards);
    }

    #[test]
    fn nothing_is_left_where_all_is_removed() {
        let items: Vec<Item> = (0..50).map(|seed| item(seed, 3000, 1).0).collect();
        let mut plan = Plan::new(&items, 1);
        plan.remove(&(0..50).collect());
        assert!(plan.shards.is_empty() && plan.centroids.is_empty());
        plan.insert(&items, &[7, 8], 1);
        assert_eq!(plan.shards, [[7, 8]]);
    }
}
