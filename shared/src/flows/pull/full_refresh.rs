//! Reads and writes the states that the last full refresh reported.

use std::collections::BTreeMap;

use crate::catalog::{FeedId, SystemId};
use crate::flows::write_if_unchanged;
use crate::ports::{Listing, Store, StoreError, list_all};
use crate::source::pull::ReportedState;
use crate::source::pull::reported::label;
use crate::table::{Expect, MAX_WRITES, Partition, Row, Write};

/// The states that the last full refresh reported.
pub(super) async fn known<S: Store>(store: &S, system: &SystemId, feed: &FeedId) -> Result<Vec<ReportedState>, StoreError> {
    let records = list_all(store, Listing::rows(&Partition::FullRefresh(system.clone(), feed.clone()))).await?;
    Ok(records.iter().map(|record| record.decode()).collect::<Result<_, _>>()?)
}

/// Stores states that were reported for the first time.
pub(super) async fn remember<S: Store>(store: &S, fresh: &[ReportedState]) -> Result<(), StoreError> {
    write(store, fresh.iter().map(|state| Write::put(state, Expect::Absent)).collect()).await
}

/// Deletes states that are no longer reported, unless applying their zero failed.
pub(super) async fn forget<S: Store>(
    store: &S,
    gone: &[ReportedState],
    failed: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let gone = gone.iter().filter(|state| !failed.contains_key(&label(&state.state_key())));
    write(store, gone.map(|state| Write::Delete { key: state.key(), expect: Expect::Revision(1) }).collect()).await
}

/// These rows are written once and never changed. A row that is not as expected was written or deleted by another run.
async fn write<S: Store>(store: &S, writes: Vec<Write>) -> Result<(), StoreError> {
    for group in writes.chunks(MAX_WRITES) {
        if !write_if_unchanged(store, group).await? {
            for one in group {
                write_if_unchanged(store, std::slice::from_ref(one)).await?;
            }
        }
    }
    Ok(())
}
