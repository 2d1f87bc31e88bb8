//! Verified objects kept in memory: the least recently used leave first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mome_pack::Digest;

/// Objects by digest, up to a number of bytes.
pub(crate) struct Cache {
    capacity: usize,
    bytes: usize,
    objects: HashMap<Digest, Cached>,
    /// Digests by the moment of last use.
    by_use: BTreeMap<u64, Digest>,
    clock: u64,
}

struct Cached {
    bytes: Arc<[u8]>,
    last_use: u64,
}

impl Cache {
    /// An empty cache of `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, bytes: 0, objects: HashMap::new(), by_use: BTreeMap::new(), clock: 0 }
    }

    /// The object, if it is here; it now counts as just used.
    pub(crate) fn get(&mut self, digest: &Digest) -> Option<Arc<[u8]>> {
        let cached = self.objects.get_mut(digest)?;
        self.clock += 1;
        self.by_use.remove(&cached.last_use);
        self.by_use.insert(self.clock, *digest);
        cached.last_use = self.clock;
        Some(cached.bytes.clone())
    }

    /// Keeps an object and drops those unused longest to make room. One that would take more than a quarter of
    /// the cache is not kept.
    pub(crate) fn insert(&mut self, digest: Digest, bytes: Arc<[u8]>) {
        if bytes.len() > self.capacity / 4 || self.objects.contains_key(&digest) {
            return;
        }
        self.bytes += bytes.len();
        while self.bytes > self.capacity {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.bytes -= self.objects.remove(&oldest).map_or(0, |cached| cached.bytes.len());
        }
        self.clock += 1;
        self.by_use.insert(self.clock, digest);
        self.objects.insert(digest, Cached { bytes, last_use: self.clock });
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn object(seed: u8, length: usize) -> (Digest, Arc<[u8]>) {
        let bytes = vec![seed; length];
        (Digest::of(&bytes), bytes.into())
    }

    proptest! {
        /// The same objects are held as in a plain list, ordered by use.
        #[test]
        fn what_was_not_used_longest_leaves_first(uses in vec((any::<bool>(), 0..12_u8), 0..200)) {
            let mut cache = Cache::new(100);
            let mut list: Vec<Digest> = Vec::new();
            let length = |seed: u8| usize::from(seed) + 14;
            let mut lengths = HashMap::new();
            for (insert, seed) in uses {
                let (digest, bytes) = object(seed, length(seed));
                lengths.insert(digest, length(seed));
                let held = list.iter().position(|other| *other == digest);
                if insert {
                    cache.insert(digest, bytes);
                    if held.is_none() {
                        list.push(digest);
                        while list.iter().map(|digest| lengths[digest]).sum::<usize>() > 100 {
                            list.remove(0);
                        }
                    }
                } else {
                    prop_assert_eq!(cache.get(&digest).is_some(), held.is_some());
                    if let Some(place) = held {
                        list.remove(place);
                        list.push(digest);
                    }
                }
            }
            prop_assert_eq!(cache.by_use.values().copied().collect::<Vec<_>>(), list);
            let held: usize = cache.objects.values().map(|cached| cached.bytes.len()).sum();
            prop_assert_eq!(cache.bytes, held);
        }
    }

    #[test]
    fn an_object_over_a_quarter_is_not_kept() {
        let mut cache = Cache::new(100);
        let (just, over) = (object(1, 25), object(2, 26));
        cache.insert(just.0, just.1);
        cache.insert(over.0, over.1);
        assert!(cache.get(&just.0).is_some());
        assert!(cache.get(&over.0).is_none());
    }

    #[test]
    fn an_object_inserted_twice_counts_once() {
        let mut cache = Cache::new(100);
        let (digest, bytes) = object(1, 25);
        cache.insert(digest, bytes.clone());
        cache.insert(digest, bytes);
        assert_eq!(cache.bytes, 25);
        assert_eq!(cache.by_use.len(), 1);
    }
}
