//! Byte-pair encoding's loop: neighbours are joined, best pair first, until none can be.

use std::collections::BinaryHeap;
use std::ops::Range;

/// A piece of the text: the bytes that it covers, and its token where they spell one.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) id: Option<u32>,
}

/// Joins neighbours, the pair of the highest priority first and the leftmost among equals, until none can be
/// joined. `join` tells a pair's priority and the token that it makes. Takes n log n steps for n parts, which
/// must follow one another without gaps.
pub(super) fn merge<P: Ord>(
    parts: impl Iterator<Item = Part>,
    join: impl Fn(&Part, &Part) -> Option<(P, u32)>,
) -> impl Iterator<Item = Part> {
    let mut links: Vec<Link> = parts
        .enumerate()
        .map(|(at, part)| Link { part, previous: at.checked_sub(1), next: Some(at + 1), alive: true })
        .collect();
    if let Some(last) = links.last_mut() {
        last.next = None;
    }
    let propose = |links: &[Link], left: usize| {
        let right = links[left].next?;
        let (left_part, right_part) = (&links[left].part, &links[right].part);
        let (priority, id) = join(left_part, right_part)?;
        Some(Candidate { priority, left, middle: left_part.range.end, end: right_part.range.end, id })
    };
    let mut queue: BinaryHeap<Candidate<P>> = (0..links.len()).filter_map(|at| propose(&links, at)).collect();
    while let Some(Candidate { left, middle, end, id, .. }) = queue.pop() {
        let Some(right) = links[left].next else { continue };
        // One of the two may have joined another neighbour since.
        if !links[left].alive || links[left].part.range.end != middle || links[right].part.range.end != end {
            continue;
        }
        let after = links[right].next;
        links[right].alive = false;
        let joined = &mut links[left];
        joined.part.range.end = end;
        joined.part.id = Some(id);
        joined.next = after;
        if let Some(after) = after {
            links[after].previous = Some(left);
        }
        queue.extend(links[left].previous.and_then(|previous| propose(&links, previous)));
        queue.extend(propose(&links, left));
    }
    links.into_iter().filter(|link| link.alive).map(|link| link.part)
}

/// A part, linked to its neighbours.
struct Link {
    part: Part,
    previous: Option<usize>,
    next: Option<usize>,
    alive: bool,
}

/// A pair that could be joined: the part at `left`, which ends at `middle`, and the next, which ends at `end`.
struct Candidate<P> {
    priority: P,
    left: usize,
    middle: usize,
    end: usize,
    id: u32,
}

impl<P: Ord> Ord for Candidate<P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.priority.cmp(&other.priority).then(other.left.cmp(&self.left))
    }
}

impl<P: Ord> PartialOrd for Candidate<P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: Ord> PartialEq for Candidate<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<P: Ord> Eq for Candidate<P> {}
