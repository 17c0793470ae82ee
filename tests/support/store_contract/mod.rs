//! The contract of every store, which DynamoDB and all stand-ins for it must keep.
//!
//! Each part uses partitions of its own, so that all parts can run against one store. Index listings are expected to contain
//! the last write. A store with a delayed index must wait before it answers.

mod listing;
mod reads;
mod versions;
mod writes;

use promissory::ports::Store;

/// Writes are conditional and atomic, and a refusal returns the stored rows.
///
/// # Panics
/// If the store violates the contract.
pub async fn writes<S: Store>(store: &S) {
    writes::suite(store).await;
}

/// Reads return rows in the order of the keys, `None` for a missing row, and unchanged content.
///
/// # Panics
/// If the store violates the contract.
pub async fn reads<S: Store>(store: &S) {
    reads::suite(store).await;
    reads::bodies(store).await;
}

/// Listings return the rows of a prefix in order, page after page.
///
/// # Panics
/// If the store violates the contract.
pub async fn listings<S: Store>(store: &S) {
    listing::by_key(store).await;
}

/// Index entries appear, move and disappear together with their rows.
///
/// # Panics
/// If the store violates the contract.
pub async fn index<S: Store>(store: &S) {
    listing::by_index(store).await;
}

/// A row has the schema version of the code that wrote it, or of the newer code whose fields it keeps.
///
/// # Panics
/// If the store violates the contract.
pub async fn versions<S: Store>(store: &S) {
    versions::suite(store).await;
}

/// The whole contract.
///
/// # Panics
/// If the store violates the contract.
pub async fn all<S: Store>(store: &S) {
    writes(store).await;
    reads(store).await;
    listings(store).await;
    index(store).await;
    versions(store).await;
}
