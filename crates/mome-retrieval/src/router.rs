//! The router: which shards a question is looked for in.
//!
//! The index is an inverted file, as vector databases have it: embeddings lie in lists, each list in a shard, and a question
//! is looked for in the `nprobe` lists whose centroids are nearest to it.

use async_trait::async_trait;
use mome_pack::{InvertedList, Link, MaybeSendSync, Root, RoutingKey};
use thiserror::Error;

use crate::vectors::{dot, sum};

/// What knows where to look for a question. `Shard` is what leads to a shard: its link, or its number while a pack is made.
#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
pub trait Router: MaybeSendSync {
    /// What leads to a shard.
    type Shard;

    /// Width of the embeddings that it takes.
    fn width(&self) -> usize;

    /// How many lists a question is looked for in.
    fn nprobe(&self) -> usize;

    /// The shards to look into for this embedding, the nearest first: those of the `nprobe` nearest lists.
    ///
    /// # Errors
    /// [`RouterError`] where a page of the index cannot be had.
    async fn route(&self, embedding: &[f32]) -> Result<Vec<Self::Shard>, RouterError>;

    /// All lists, in the order of the index.
    ///
    /// # Errors
    /// As [`Router::route`].
    async fn lists(&self) -> Result<Vec<InvertedList<Self::Shard>>, RouterError>;
}

/// Why an index could not be asked.
#[derive(Debug, Error)]
#[error("the index cannot be read: {0}")]
pub struct RouterError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// An index of one page: all centroids are at hand, and each is compared.
#[derive(Clone, Debug)]
pub struct FlatRouter<Shard> {
    lists: Vec<InvertedList<Shard>>,
    centroids: Vec<Vec<f32>>,
    width: usize,
    nprobe: usize,
}

impl<Shard> FlatRouter<Shard> {
    /// Makes lists ready for search by embeddings of this width.
    #[must_use]
    pub fn new(width: usize, nprobe: usize, lists: Vec<InvertedList<Shard>>) -> Self {
        let centroids = lists.iter().map(|list| list.centroid.dequantize()).collect();
        Self { lists, centroids, width, nprobe }
    }
}

impl From<Root> for FlatRouter<Link> {
    fn from(root: Root) -> Self {
        Self::new(root.width, root.nprobe.into(), root.lists)
    }
}

#[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
#[cfg_attr(not(target_arch = "wasm32"), async_trait)]
impl<Shard: Clone + MaybeSendSync> Router for FlatRouter<Shard> {
    type Shard = Shard;

    fn width(&self) -> usize {
        self.width
    }

    fn nprobe(&self) -> usize {
        self.nprobe
    }

    async fn route(&self, embedding: &[f32]) -> Result<Vec<Shard>, RouterError> {
        let near = nearest(&self.centroids, embedding, self.nprobe);
        Ok(near.into_iter().map(|list| self.lists[list].shard.clone()).collect())
    }

    async fn lists(&self) -> Result<Vec<InvertedList<Shard>>, RouterError> {
        Ok(self.lists.clone())
    }
}

/// The `count` centroids with the largest inner product, the nearest first; the lower number among equals.
#[must_use]
pub fn nearest(centroids: &[Vec<f32>], embedding: &[f32], count: usize) -> Vec<usize> {
    let scores: Vec<f32> = centroids.iter().map(|centroid| dot(centroid, embedding)).collect();
    let nearer = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    let mut order: Vec<usize> = (0..scores.len()).collect();
    if count < order.len() {
        order.select_nth_unstable_by(count, nearer);
        order.truncate(count);
    }
    order.sort_unstable_by(nearer);
    order
}

/// The direction of the middle of some embeddings of this width.
#[must_use]
pub fn centroid<'a>(width: usize, embeddings: impl IntoIterator<Item = &'a [f32]>) -> RoutingKey {
    RoutingKey::quantize(&sum(width, embeddings))
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use proptest::prelude::*;

    use super::*;
    use crate::vectors::normalize;

    const WIDTH: usize = 24;

    /// An index of two levels, as a large pack has it: pages of lists, of which the nearest ones are read.
    struct Tree {
        pages: Vec<FlatRouter<u32>>,
        middles: Vec<Vec<f32>>,
        pages_read: usize,
    }

    impl Tree {
        fn new(lists: &[InvertedList<u32>], lists_a_page: usize, nprobe: usize, pages_read: usize) -> Self {
            let pages: Vec<_> = lists
                .chunks(lists_a_page)
                .map(|lists| FlatRouter::new(WIDTH, nprobe, lists.to_vec()))
                .collect();
            let middle = |page: &FlatRouter<u32>| {
                let mut middle = sum(WIDTH, page.centroids.iter().map(Vec::as_slice));
                normalize(&mut middle);
                middle
            };
            Self { middles: pages.iter().map(middle).collect(), pages, pages_read }
        }
    }

    #[cfg_attr(target_arch = "wasm32", async_trait(?Send))]
    #[cfg_attr(not(target_arch = "wasm32"), async_trait)]
    impl Router for Tree {
        type Shard = u32;

        fn width(&self) -> usize {
            WIDTH
        }

        fn nprobe(&self) -> usize {
            self.pages[0].nprobe()
        }

        async fn route(&self, embedding: &[f32]) -> Result<Vec<u32>, RouterError> {
            let mut lists = Vec::new();
            for page in nearest(&self.middles, embedding, self.pages_read) {
                lists.extend(self.pages[page].lists().await?);
            }
            FlatRouter::new(WIDTH, self.nprobe(), lists).route(embedding).await
        }

        async fn lists(&self) -> Result<Vec<InvertedList<u32>>, RouterError> {
            let mut lists = Vec::new();
            for page in &self.pages {
                lists.extend(page.lists().await?);
            }
            Ok(lists)
        }
    }

    /// What every router keeps to, whatever its pages are like.
    fn keeps_to_the_contract(
        router: &dyn Router<Shard = u32>,
        embedding: &[f32],
    ) -> Result<(), TestCaseError> {
        let lists = block_on(router.lists()).unwrap();
        let route = block_on(router.route(embedding)).unwrap();
        prop_assert_eq!(route.len(), router.nprobe().min(lists.len()));
        let similarity = |shard: &u32| {
            let list = lists.iter().find(|list| list.shard == *shard).expect("a list of the index");
            dot(&list.centroid.dequantize(), embedding)
        };
        let similarities: Vec<f32> = route.iter().map(similarity).collect();
        prop_assert!(similarities.is_sorted_by(|a, b| a >= b), "{:?}", similarities);
        Ok(())
    }

    fn any_lists() -> impl Strategy<Value = Vec<InvertedList<u32>>> {
        let key = prop::collection::vec(-1f32..1.0, WIDTH);
        prop::collection::vec(key, 1..40).prop_map(|keys| {
            let list =
                |(shard, key): (u32, Vec<f32>)| InvertedList { centroid: RoutingKey::quantize(&key), shard };
            (0..).zip(keys).map(list).collect()
        })
    }

    proptest! {
        #[test]
        fn all_routers_keep_to_the_contract(
            lists in any_lists(),
            question in prop::collection::vec(-1f32..1.0, WIDTH),
            lists_a_page in 6usize..12,
        ) {
            let flat = FlatRouter::new(WIDTH, 6, lists.clone());
            let tree = Tree::new(&lists, lists_a_page, 6, usize::MAX);
            keeps_to_the_contract(&flat, &question)?;
            keeps_to_the_contract(&tree, &question)?;
            prop_assert_eq!(block_on(flat.route(&question)).unwrap(), block_on(tree.route(&question)).unwrap());
            prop_assert_eq!(block_on(flat.lists()).unwrap(), lists);
        }
    }
}
