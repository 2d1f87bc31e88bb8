//! Finds the tokens that a text begins with.

use super::vocabulary::Vocabulary;

/// Tokens in the order of their bytes, so that those that share a beginning lie side by side.
#[derive(Debug)]
pub(super) struct PrefixIndex {
    order: Vec<u32>,
    /// Where the tokens of each first byte begin in `order`; one more for the end.
    first: Box<[u32; 257]>,
}

impl PrefixIndex {
    /// Indexes some tokens of a vocabulary. Empty ones are left out; of those with equal bytes the first stays.
    pub(super) fn new(vocabulary: &Vocabulary, ids: impl Iterator<Item = u32>) -> Self {
        let bytes_of = |id: &u32| vocabulary.bytes_of(*id).unwrap_or_default();
        let mut order: Vec<u32> = ids.filter(|id| !bytes_of(id).is_empty()).collect();
        order.sort_unstable_by(|left, right| (bytes_of(left), left).cmp(&(bytes_of(right), right)));
        order.dedup_by(|later, earlier| bytes_of(later) == bytes_of(earlier));
        let start_of = |byte: usize| order.partition_point(|id| usize::from(bytes_of(id)[0]) < byte) as u32;
        let first = Box::new(std::array::from_fn(start_of));
        Self { order, first }
    }

    /// The tokens that `text` begins with, shortest first: length in bytes and id.
    pub(super) fn prefixes<'a>(
        &'a self,
        vocabulary: &'a Vocabulary,
        text: &'a [u8],
    ) -> impl Iterator<Item = (usize, u32)> + 'a {
        let bucket = text.first().map_or(0..0, |byte| {
            let byte = usize::from(*byte);
            self.first[byte] as usize..self.first[byte + 1] as usize
        });
        // The tokens left all begin with text[..depth].
        let mut left = &self.order[bucket];
        let mut depth = 1;
        std::iter::from_fn(move || {
            loop {
                let (id, longer) = left.split_first()?;
                if vocabulary.bytes_of(*id)?.len() == depth {
                    left = longer;
                    return Some((depth, *id));
                }
                let byte = text.get(depth)?;
                let at_depth = |id: &u32| vocabulary.bytes_of(*id).and_then(|bytes| bytes.get(depth));
                let start = left.partition_point(|id| at_depth(id) < Some(byte));
                let end = left.partition_point(|id| at_depth(id) <= Some(byte));
                left = &left[start..end];
                depth += 1;
            }
        })
    }

    /// The first place in `text`, from byte `from` on, where a token stands: its range and the longest token there.
    pub(super) fn find(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        from: usize,
    ) -> Option<(std::ops::Range<usize>, u32)> {
        if self.order.is_empty() {
            return None;
        }
        (from..text.len()).filter(|at| text.is_char_boundary(*at)).find_map(|at| {
            let (length, id) = self.prefixes(vocabulary, &text.as_bytes()[at..]).last()?;
            Some((at..at + length, id))
        })
    }
}
