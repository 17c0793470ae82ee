//! What every store promises. DynamoDB keeps it, and whatever stands in for it must.
//!
//! Each part works in partitions of its own, so that all of them can be put to one store. Index listings are expected to
//! show what was just written: a store that lags must be given the time before it is asked.

mod listing;
mod reads;
mod writes;

use promissory::ports::Store;

/// Writes happen by condition, all or none, and a refusal brings along what is there instead.
///
/// # Panics
/// Where the store does otherwise.
pub async fn writes<S: Store>(store: &S) {
    writes::suite(store).await;
}

/// Rows come in the order of their keys, misses in their place, and as they were written.
///
/// # Panics
/// Where the store does otherwise.
pub async fn reads<S: Store>(store: &S) {
    reads::suite(store).await;
    reads::bodies(store).await;
}

/// Rows are listed by prefix, in order, page after page.
///
/// # Panics
/// Where the store does otherwise.
pub async fn listings<S: Store>(store: &S) {
    listing::by_key(store).await;
}

/// Index entries come, move and go with the rows that carry them.
///
/// # Panics
/// Where the store does otherwise.
pub async fn index<S: Store>(store: &S) {
    listing::by_index(store).await;
}

/// All of it.
///
/// # Panics
/// Where the store does otherwise.
pub async fn all<S: Store>(store: &S) {
    writes(store).await;
    reads(store).await;
    listings(store).await;
    index(store).await;
}
