//! Reading and writing what a full refresh reported last.

use std::collections::BTreeMap;

use crate::catalog::{FeedId, SystemId};
use crate::ports::{Listing, Store, StoreError, WriteError, list_all};
use crate::source::pull::ReportedState;
use crate::source::pull::told::label;
use crate::table::{Expect, MAX_WRITES, Partition, Row, Write};

/// What was told last.
pub(super) async fn known<S: Store>(store: &S, system: &SystemId, feed: &FeedId) -> Result<Vec<ReportedState>, StoreError> {
    let records = list_all(store, Listing::rows(&Partition::FullRefresh(system.clone(), feed.clone()))).await?;
    Ok(records.iter().map(|record| record.decode()).collect::<Result<_, _>>()?)
}

/// Writes down what is told of for the first time.
pub(super) async fn remember<S: Store>(store: &S, fresh: &[ReportedState]) -> Result<(), StoreError> {
    write(store, fresh.iter().map(|told| Write::put(told, Expect::Absent)).collect()).await
}

/// Forgets what is gone, unless its zero failed.
pub(super) async fn forget<S: Store>(
    store: &S,
    gone: &[ReportedState],
    failed: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let gone = gone.iter().filter(|told| !failed.contains_key(&label(&told.about())));
    write(store, gone.map(|told| Write::Delete { key: told.key(), expect: Expect::Revision(1) }).collect()).await
}

/// These rows are written once and never changed: one that is not as expected was done by another run.
async fn write<S: Store>(store: &S, writes: Vec<Write>) -> Result<(), StoreError> {
    for group in writes.chunks(MAX_WRITES) {
        match store.write(group).await {
            Ok(()) => continue,
            Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
        for one in group {
            match store.write(std::slice::from_ref(one)).await {
                Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => {}
                Err(WriteError::Store(error)) => return Err(error),
            }
        }
    }
    Ok(())
}
