//! Work on many items at once.

/// Does `work` on each item, on several threads where there are any, and gives what came of it in the order of the items.
///
/// # Errors
/// One of those that `work` reports.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn side_by_side<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync + Send,
) -> Result<Vec<R>, E> {
    use rayon::prelude::*;
    items.par_iter().map(work).collect()
}

/// Does `work` on each item, one after the other: models of a page belong to its one thread.
///
/// # Errors
/// The first that `work` reports.
#[cfg(target_arch = "wasm32")]
pub(crate) fn side_by_side<T, R, E>(items: &[T], work: impl Fn(&T) -> Result<R, E>) -> Result<Vec<R>, E> {
    items.iter().map(work).collect()
}
