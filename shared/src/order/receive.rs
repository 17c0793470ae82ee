//! Receiving an event: into the ledger at once, or into the lane of a position that is too busy.

use crate::alert;
use crate::catalog::{Network, Place};
use crate::clock::Clock;
use crate::ledger::{CommitError, Deferred, Event, Outcome, PositionKey, commit, content_mismatch};
use crate::store::{Expect, Key, Listing, Store, StoreError, Write, WriteError};

/// The most deferred events of a lane that are settled together.
const LANE_GROUP: usize = 100;

/// What became of a received event. Either way it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Decided.
    Decided(Outcome),
    /// Waiting in this position's lane; `ats-recompute` settles it within moments.
    Deferred(PositionKey),
}

/// Takes an event in.
///
/// # Errors
/// When the store fails; the sender repeats, which is safe.
pub async fn receive<S: Store, C: Clock>(store: &S, clock: &C, network: &Network, event: Event) -> Result<Received, StoreError> {
    let events = [(event, None)];
    match commit(store, clock, network, &events).await {
        Ok(outcomes) => {
            let outcome = outcomes.into_iter().next().expect("one event has one outcome");
            Ok(Received::Decided(outcome))
        }
        Err(CommitError::Store(error)) => Err(error),
        Err(CommitError::Contended { hot }) => {
            let [(event, _)] = events;
            let Some(lane) = hot.or_else(|| any_lane(&event)) else {
                return Err(StoreError::Unavailable { detail: "the order is being changed by others".into(), source: None });
            };
            let deferred = Deferred { lane: lane.clone(), event, deferred_at: clock.now() };
            match store.write(&[Write::put(&deferred, Expect::Absent)]).await {
                Ok(()) => Ok(Received::Deferred(lane)),
                Err(WriteError::Refused(refusals)) => {
                    // It waits there already; unless it is another event under the same id.
                    let waiting = refusals.into_iter().next().and_then(|refusal| refusal.stored);
                    let same = waiting
                        .is_none_or(|row| row.decode::<Deferred>().is_ok_and(|d| d.event.content() == deferred.event.content()));
                    if same {
                        return Ok(Received::Deferred(lane));
                    }
                    alert::raise(store, clock, content_mismatch(deferred.event.id())).await?;
                    Ok(Received::Decided(Outcome::ContentMismatch))
                }
                Err(WriteError::Conflict) => Err(StoreError::Unavailable { detail: "the lane is busy".into(), source: None }),
                Err(WriteError::Store(error)) => Err(error),
            }
        }
    }
}

/// Where an event waits whose order, not its position, was busy.
fn any_lane(event: &Event) -> Option<PositionKey> {
    match event {
        // Decided again by the next schedule, or sent again by its system.
        Event::Hold(_) | Event::Report(_) => None,
        Event::Stock(stock) => Some(PositionKey::new(stock.sku.clone(), Place::At(stock.location.clone()))),
        Event::Order(order) => {
            let lines = &order.snapshot.facts.as_ref()?.lines;
            let sku = lines.values().find_map(|line| line.shop_sku.parse().ok())?;
            Some(PositionKey::new(sku, Place::Unassigned))
        }
    }
}

/// Applies everything that waits in a lane, as few transactions as it fits in. Returns how many events it settled.
///
/// A row that cannot be read is left where it is, and the others go on: it is found in the lane, and its order by the sweep.
///
/// # Errors
/// When the ledger does not take them; they stay in the lane.
pub async fn settle_lane<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    lane: &PositionKey,
) -> Result<usize, CommitError> {
    let mut settled = 0;
    let mut listing = Listing { limit: LANE_GROUP, ..Listing::rows(Deferred::partition_of(lane), "") };
    loop {
        let page = store.list(&listing).await?;
        let mut events: Vec<(Event, Option<Key>)> = Vec::with_capacity(page.records.len());
        for record in page.records {
            match record.decode::<Deferred>() {
                Ok(deferred) => events.push((deferred.event, Some(record.key))),
                Err(error) => tracing::error!(%error, "a deferred event cannot be read and stays in its lane"),
            }
        }
        commit(store, clock, network, &events).await?;
        settled += events.len();
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return Ok(settled),
        }
    }
}
