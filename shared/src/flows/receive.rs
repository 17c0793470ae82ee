//! Receives events. An event goes into the ledger at once, or into a lane when its position is contended.

use crate::catalog::{Network, Place};
use crate::draft::{EventOutcome, allowed, content_mismatch, in_time, refusal};
use crate::flows::{CommitError, alert, commit};
use crate::ledger::{DeferredEvent, Lane, LedgerEvent};
use crate::movement::PositionKey;
use crate::ports::{Clock, Listing, Store, StoreError, WriteError};
use crate::table::{Expect, Key, Partition, Write};

/// The most deferred events of a lane that one commit settles.
const LANE_GROUP: usize = 100;

/// What became of a received event. The event is durable in both cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The event was decided.
    Decided(EventOutcome),
    /// The event waits in this lane. `ats-recompute` settles the lane within moments.
    Deferred(Lane),
}

/// Receives one event.
///
/// # Errors
/// When the store fails; the sender repeats, which is safe.
pub async fn receive<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    event: LedgerEvent,
) -> Result<Received, StoreError> {
    let received = receive_all(store, clock, network, vec![event]).await?;
    Ok(received.into_iter().next().expect("one event has one outcome"))
}

/// Receives a batch of events, and returns what became of each. Events of one position are committed together, so that each
/// transaction writes the position once. They keep the order in which they arrived.
///
/// # Errors
/// When the store fails; the sender repeats, which is safe.
pub async fn receive_all<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    events: Vec<LedgerEvent>,
) -> Result<Vec<Received>, StoreError> {
    let mut received: Vec<Option<Received>> = vec![None; events.len()];
    let mut waiting: Vec<(usize, Lane, LedgerEvent)> =
        events.into_iter().enumerate().map(|(at, event)| (at, any_lane(network, &event), event)).collect();
    waiting.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
    while !waiting.is_empty() {
        let events: Vec<(LedgerEvent, Option<Key>)> = waiting.iter().map(|(_, _, event)| (event.clone(), None)).collect();
        let (done, hot) = match commit(store, clock, network, &events).await {
            Ok(done) => (done, None),
            Err(CommitError::Contended { hot, done }) => (done, Some(hot)),
            Err(CommitError::Store(error)) => return Err(error),
        };
        let rest = waiting.split_off(done.len());
        for ((at, _, _), outcome) in std::mem::replace(&mut waiting, rest).into_iter().zip(done) {
            received[at] = Some(Received::Decided(outcome));
        }
        let (Some(hot), Some((_, first, _))) = (hot, waiting.first()) else { continue };
        // Every event that sorts under the contended lane is deferred to one lane. The events after them are committed in the
        // next pass.
        let (first, lane) = (first.clone(), hot.map_or_else(|| first.clone(), Lane::Position));
        let busy = waiting.iter().take_while(|(_, place, _)| *place == first).count();
        let rest = waiting.split_off(busy);
        for (at, _, event) in std::mem::replace(&mut waiting, rest) {
            received[at] = Some(defer_valid(store, clock, network, &lane, event).await?);
        }
    }
    Ok(received.into_iter().map(|received| received.expect("every event was decided or deferred")).collect())
}

/// Writes an event into a lane, unless it must be refused: the time of an event in a lane is not checked again.
async fn defer_valid<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    lane: &Lane,
    event: LedgerEvent,
) -> Result<Received, StoreError> {
    if let LedgerEvent::Stock(stock) = &event
        && let Err(error) = in_time(network, stock, clock.now()).and_then(|()| allowed(network, stock))
    {
        alert::raise(store, clock, refusal(stock, &error)).await?;
        return Ok(Received::Decided(EventOutcome::Refused(error)));
    }
    defer(store, clock, lane, event).await
}

/// Writes an event into a lane.
async fn defer<S: Store, C: Clock>(store: &S, clock: &C, lane: &Lane, event: LedgerEvent) -> Result<Received, StoreError> {
    let deferred = DeferredEvent { lane: lane.clone(), event, deferred_at: clock.now() };
    match store.write(&[Write::put(&deferred, Expect::Absent)]).await {
        Ok(()) => Ok(Received::Deferred(lane.clone())),
        Err(WriteError::Refused(refusals)) => {
            // The same event already waits in the lane, unless the row holds another event under the same id.
            let waiting = refusals.into_iter().next().and_then(|refusal| refusal.stored);
            let same = waiting
                .is_none_or(|row| row.decode::<DeferredEvent>().is_ok_and(|d| d.event.content() == deferred.event.content()));
            if same {
                return Ok(Received::Deferred(lane.clone()));
            }
            alert::raise(store, clock, content_mismatch(deferred.event.id())).await?;
            Ok(Received::Decided(EventOutcome::ContentMismatch))
        }
        Err(WriteError::Conflict) => {
            Err(StoreError::Unavailable { detail: "another transaction writes to the lane".into(), source: None })
        }
        // No lane can hold an event of this size. When the position is no longer contended, the repeated event is committed or left out.
        Err(WriteError::Store(StoreError::Unwritable(row))) => Err(StoreError::Unavailable {
            detail: format!("the position of {} is contended, and {row}", deferred.event.id()),
            source: None,
        }),
        Err(WriteError::Store(error)) => Err(error),
    }
}

/// The lane of an event when no contended position is known. [`receive_all`] also sorts events by it.
fn any_lane(network: &Network, event: &LedgerEvent) -> Lane {
    match event {
        LedgerEvent::Decision(decision) => Lane::Position(decision.of.clone()),
        LedgerEvent::Hold(hold) => Lane::Order { shop: hold.shop.clone(), order: hold.order },
        LedgerEvent::Stock(stock) => match stock.sku.parse() {
            Ok(sku) => {
                let place = network.by_system_code(stock.system(), &stock.location);
                let place = place.map_or(Place::Unassigned, |location| Place::At(location.code.clone()));
                Lane::Position(PositionKey::new(sku, place))
            }
            Err(_) => Lane::System(stock.system().to_owned()),
        },
        LedgerEvent::Order(order) => {
            let snapshot = &order.snapshot;
            let mut lines = snapshot.facts.iter().flat_map(|facts| facts.lines.values());
            lines.find_map(|line| line.shop_sku.parse().ok()).map_or_else(
                || Lane::Order { shop: snapshot.shop.clone(), order: snapshot.order },
                |sku| Lane::Position(PositionKey::new(sku, Place::Unassigned)),
            )
        }
    }
}

/// Commits everything that waits in a lane in as few transactions as possible. Returns how many events it settled.
///
/// A row that cannot be read stays in the lane, and the other events are settled. The sweep still finds the order of such a
/// row.
///
/// # Errors
/// When the events cannot be committed. They stay in the lane.
pub async fn settle_lane<S: Store, C: Clock>(store: &S, clock: &C, network: &Network, lane: &Lane) -> Result<usize, CommitError> {
    let mut settled = 0;
    let mut listing = Listing { limit: LANE_GROUP, ..Listing::rows(&Partition::Lane(lane.clone())) };
    loop {
        let page = store.list(&listing).await?;
        let mut events: Vec<(LedgerEvent, Option<Key>)> = Vec::with_capacity(page.records.len());
        for record in page.records {
            match record.decode::<DeferredEvent>() {
                Ok(deferred) => events.push((deferred.event, Some(record.key))),
                Err(error) => {
                    tracing::error!(%error, "a deferred event cannot be read and stays in its lane");
                    alert::faulty_row(store, clock, &error.into()).await?;
                }
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
