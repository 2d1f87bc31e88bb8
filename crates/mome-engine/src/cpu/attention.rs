//! Grouped-query attention over a KV cache, page by page with a running softmax (as in FlashAttention,
//! arXiv 2205.14135).

use std::ops::Range;

use super::simd::{Kernel, LANES, Simd, exp, largest, multiply_add, total};
use super::threads::Processor;

/// Positions in a page. Pages begin at multiples of it, so that sums do not depend on how tokens came in.
const PAGE: usize = 64;

/// Multiplications for which it is worth while to involve another thread.
const WORTH_A_THREAD: usize = 1 << 17;

/// Which positions a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Its own and all before it.
    Causal,
    /// So many, of which its own is the last.
    Window(usize),
    /// All there are.
    Both,
}

/// The keys and values of one block, page after page.
pub(super) struct KvCache {
    kv_heads: usize,
    head_width: usize,
    len: usize,
    pages: Vec<Page>,
}

/// Keys and values of [`PAGE`] positions.
struct Page {
    /// `[kv_heads, head_width, PAGE]`
    keys: Vec<[f32; PAGE]>,
    /// `[kv_heads, PAGE, head_width]`
    values: Vec<f32>,
}

impl KvCache {
    /// An empty one for heads of that shape.
    pub(super) fn new(kv_heads: usize, head_width: usize) -> Self {
        Self { kv_heads, head_width, len: 0, pages: Vec::new() }
    }

    /// Appends keys and values of new positions, `[tokens, kv_heads, head_width]` each.
    pub(super) fn append(&mut self, keys: &[f32], values: &[f32]) {
        let (kv_heads, head_width) = (self.kv_heads, self.head_width);
        let width = kv_heads * head_width;
        for (keys, values) in keys.chunks_exact(width).zip(values.chunks_exact(width)) {
            let place = self.len % PAGE;
            if self.len / PAGE == self.pages.len() {
                let (keys, values) = (vec![[0.0; PAGE]; width], vec![0.0; width * PAGE]);
                self.pages.push(Page { keys, values });
            }
            let page = &mut self.pages[self.len / PAGE];
            self.len += 1;
            for (column, key) in page.keys.iter_mut().zip(keys) {
                column[place] = *key;
            }
            for (head, values) in values.chunks_exact(head_width).enumerate() {
                page.values[(head * PAGE + place) * head_width..][..head_width].copy_from_slice(values);
            }
        }
    }

    /// Forgets all positions but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.pages.truncate(self.len.div_ceil(PAGE));
    }

    /// Forgets all positions, and keeps the room that they had.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Attends from the last positions, each to those that it sees: from `queries [tokens, heads, head_width]` to
    /// values mixed, `out` of the same shape, which holds zeros.
    pub(super) fn attend(
        &self,
        processor: &Processor,
        sight: Sight,
        heads: usize,
        queries: &[f32],
        out: &mut [f32],
    ) {
        let tokens = queries.len() / (heads * self.head_width);
        let before = self.len - tokens;
        let worth = queries.len() * self.len * 2 / WORTH_A_THREAD;
        processor.share(out, self.head_width, worth, |first, out| {
            let queries = &queries[first * self.head_width..];
            processor.level.run(Attend { cache: self, sight, heads, before, first, queries, out });
        });
    }
}

/// Some heads of some tokens, counted through from `first` on: `queries` and `out [count, head_width]`.
struct Attend<'a> {
    cache: &'a KvCache,
    sight: Sight,
    heads: usize,
    /// Positions before the first token.
    before: usize,
    first: usize,
    queries: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let KvCache { kv_heads, head_width, pages, .. } = self.cache;
        let queries = self.queries.chunks_exact(*head_width);
        for (index, (query, out)) in queries.zip(self.out.chunks_exact_mut(*head_width)).enumerate() {
            let (token, head) = ((self.first + index) / self.heads, (self.first + index) % self.heads);
            let kv_head = head / (self.heads / kv_heads);
            let own = self.before + token + 1;
            let Range { start: unseen, end: seen } = match self.sight {
                Sight::Causal => 0..own,
                Sight::Window(window) => own.saturating_sub(window)..own,
                Sight::Both => 0..self.cache.len,
            };
            let mut softmax = Softmax { largest: f32::NEG_INFINITY, sum: 0.0 };
            for (index, page) in pages[..seen.div_ceil(PAGE)].iter().enumerate().skip(unseen / PAGE) {
                let keys = &page.keys[kv_head * head_width..][..*head_width];
                let values = &page.values[kv_head * head_width * PAGE..][..head_width * PAGE];
                let start = index * PAGE;
                let positions = unseen.saturating_sub(start)..(seen - start).min(PAGE);
                softmax.add_page(simd, query, keys, values, positions, out);
            }
            for out in out {
                *out /= softmax.sum;
            }
        }
    }
}

/// What is known of the scores so far.
struct Softmax {
    largest: f32,
    /// Of `exp(score - largest)`.
    sum: f32,
}

impl Softmax {
    /// Adds some positions of a page to `out [head_width]`, which is relative to the largest score so far.
    #[inline(always)]
    fn add_page<S: Simd>(
        &mut self,
        simd: S,
        query: &[f32],
        keys: &[[f32; PAGE]],
        values: &[f32],
        positions: Range<usize>,
        out: &mut [f32],
    ) {
        let scale = 1.0 / (query.len() as f32).sqrt();
        let mut sums = [simd.splat(0.0); PAGE / LANES];
        for (query, keys) in query.iter().zip(keys) {
            let query = simd.splat(query * scale);
            for (sums, keys) in sums.iter_mut().zip(keys.as_chunks().0) {
                *sums = simd.mul_add(query, simd.load(keys), *sums);
            }
        }
        let mut shares = [0.0; PAGE];
        for (sums, shares) in sums.into_iter().zip(shares.as_chunks_mut().0) {
            simd.store(sums, shares);
        }
        let before = self.largest;
        let highest = largest(&shares[positions.clone()]);
        self.largest = if highest > before { highest } else { before };
        for share in &mut shares {
            *share = exp(*share - self.largest);
        }
        shares[..positions.start].fill(0.0);
        shares[positions.end..].fill(0.0);
        // The first page has nothing before it: exp(-inf) would be small, not zero, but multiplies zeros.
        let correction = exp(before - self.largest);
        self.sum = self.sum * correction + total(&shares);
        let width = query.len();
        let (chunks, rest) = out.as_chunks_mut::<LANES>();
        for (index, chunk) in chunks.iter_mut().enumerate() {
            let mut sums = simd.mul(simd.load(chunk), simd.splat(correction));
            for (share, values) in shares[..positions.end].iter().zip(values.chunks_exact(width)) {
                if let Some(values) = values[index * LANES..].first_chunk() {
                    sums = simd.mul_add(simd.splat(*share), simd.load(values), sums);
                }
            }
            simd.store(sums, chunk);
        }
        let rest_at = width - rest.len();
        for (column, out) in rest.iter_mut().enumerate() {
            *out *= correction;
            for (share, values) in shares[..positions.end].iter().zip(values.chunks_exact(width)) {
                *out = multiply_add::<S>(*share, values[rest_at + column], *out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers in [-1, 1), the same for the same seed.
    fn numbers(seed: u32, count: usize) -> Vec<f32> {
        let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let states = std::iter::successors(Some(seed), next).skip(1);
        states.take(count).map(|state| (state >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    fn attend_naively(query: &[f32], keys: &[&[f32]], values: &[&[f32]]) -> Vec<f64> {
        let dot = |key: &[f32]| query.iter().zip(key).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let scale = (query.len() as f64).sqrt();
        let powers: Vec<f64> = keys.iter().map(|key| (dot(key) / scale).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let column = |column: usize| {
            powers.iter().zip(values).map(|(power, value)| power / sum * f64::from(value[column])).sum()
        };
        (0..query.len()).map(column).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Any shape, over several pages; cut anywhere and on any number of threads, with the same bits.
        #[test]
        fn equals_a_naive_loop(
            (kv_heads, group, head_width) in (1usize..3, 1usize..4, 1usize..70),
            (before, tokens) in (0usize..150, 1usize..60),
            cut in 0usize..60,
            threads in 1usize..4,
            sight in prop_oneof![
                Just(Sight::Causal),
                Just(Sight::Both),
                (1usize..100).prop_map(Sight::Window),
            ],
            seed in any::<u32>(),
        ) {
            let (heads, width, len) = (kv_heads * group, kv_heads * head_width, before + tokens);
            let queries: Vec<f32> =
                numbers(seed, tokens * heads * head_width).iter().map(|query| 6.0 * query).collect();
            let (keys, values) = (numbers(!seed, len * width), numbers(seed ^ 77, len * width));
            let mut cache = KvCache::new(kv_heads, head_width);
            cache.append(&keys, &values);
            let mut out = vec![0.0; queries.len()];
            cache.attend(&Processor::new(threads), sight, heads, &queries, &mut out);

            for (index, (query, out)) in queries.chunks(head_width).zip(out.chunks(head_width)).enumerate() {
                let (token, head) = (index / heads, index % heads);
                let at = head / group * head_width;
                let end = if sight == Sight::Both { len } else { before + token + 1 };
                let seen = match sight {
                    Sight::Window(window) => end.saturating_sub(window)..end,
                    Sight::Causal | Sight::Both => 0..end,
                };
                let of_head = |all: &'_ [f32]| -> Vec<Vec<f32>> {
                    let seen = &all[seen.start * width..seen.end * width];
                    seen.chunks(width).map(|one| one[at..][..head_width].to_vec()).collect()
                };
                let (keys, values) = (of_head(&keys), of_head(&values));
                let keys: Vec<&[f32]> = keys.iter().map(Vec::as_slice).collect();
                let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
                for (found, expected) in out.iter().zip(attend_naively(query, &keys, &values)) {
                    prop_assert!((f64::from(*found) - expected).abs() < 2e-5, "{found} for {expected}");
                }
            }

            if sight == Sight::Both {
                return Ok(());
            }
            let cut = cut.min(tokens);
            // What was in the cache before plays no part.
            cache.clear();
            let mut parts = Vec::new();
            for (first, last) in [(0, before + cut), (before + cut, len)] {
                cache.append(&keys[first * width..last * width], &values[first * width..last * width]);
                let row = heads * head_width;
                let queries = &queries[(first.max(before) - before) * row..(last - before) * row];
                let mut out = vec![0.0; queries.len()];
                cache.attend(&Processor::new(1), sight, heads, queries, &mut out);
                parts.extend(out);
            }
            prop_assert_eq!(parts, out);
        }
    }
}
