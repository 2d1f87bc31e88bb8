//! What makes a pack, without burn and without I/O: also in the page.

pub mod near_misses;
