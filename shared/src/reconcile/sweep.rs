//! Missed orders: everything that changed since the watermark, through the same commit as webhooks.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ReconcileError;
use crate::alert::{self, Subject};
use crate::catalog::{Network, ShopDomain};
use crate::clock::Clock;
use crate::ledger::{CommitError, Event, EventId, OrderEvent, Outcome, commit, content_hash};
use crate::order::{OrderSnapshot, Received, receive};
use crate::store::{Key, Row, Store, StoreError, Write, WriteError, read};
use crate::storefront::{Storefront, StorefrontError};

/// How far each sweep looks back behind the newest order it has seen: the shop's search may show a change late.
pub const OVERLAP: Duration = Duration::from_secs(120);

/// How far a shop has been swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The shop.
    pub shop: ShopDomain,
    /// The newest change of an order seen, by the shop's clock, less [`OVERLAP`]. Never the present time: an order may
    /// carry an earlier time than the moment it becomes visible.
    pub watermark: Option<Timestamp>,
    /// When the last sweep that took in everything began, by the shop's clock: the ledger is complete up to then.
    pub complete_at: Option<Timestamp>,
}

impl Sweep {
    /// Where a shop's sweep lives.
    #[must_use]
    pub fn key_of(shop: &ShopDomain) -> Key {
        Key::new(format!("WATERMARK#{shop}"), "ORDERS")
    }
}

impl Row for Sweep {
    fn key(&self) -> Key {
        Self::key_of(&self.shop)
    }
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SweepReport {
    /// Orders looked at.
    pub orders: usize,
    /// Orders that led to movements: webhooks had not brought them (yet).
    pub missed: usize,
    /// Movements written.
    pub movements: usize,
    /// Orders that wait in a lane, or could not be read: the ledger is not complete yet.
    pub left: usize,
}

/// Asks for every order that changed since the watermark. The watermark moves after each page, when all of it is in the
/// ledger, and never past an order that is not.
///
/// # Errors
/// [`ReconcileError`]; the watermark stands where the last good page left it.
pub async fn sweep<S: Store, F: Storefront, C: Clock>(
    (store, front, clock): (&S, &F, &C),
    network: &Network,
    shop: &ShopDomain,
    deadline: Timestamp,
) -> Result<SweepReport, ReconcileError> {
    let mut began = None;
    let mut report = SweepReport::default();
    let since = read::<Sweep, S>(store, Sweep::key_of(shop)).await?.0.and_then(|sweep| sweep.watermark);
    let mut after: Option<String> = None;
    loop {
        let page = match front.orders_updated(shop, since, after.as_deref()).await {
            Ok(page) => page,
            Err(StorefrontError::Throttled { wait }) => {
                wait_within(clock, wait, deadline).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        began = began.or(Some(page.answered_at));
        let newest = page.orders.iter().filter_map(|order| order.facts.as_ref()).map(|facts| facts.version).max();
        report.orders += page.orders.len();
        for (order, reason) in &page.unreadable {
            report.left += 1;
            tracing::error!(%shop, order, reason, "an order cannot be read");
            let subject = Subject::UnreadableOrder { shop: shop.clone(), order: order.clone() };
            alert::raise(store, clock, (subject, format!("{order} of {shop} cannot be read: {reason}"))).await?;
        }
        let events: Vec<_> = page.orders.into_iter().map(|snapshot| (asked(snapshot), None)).collect();
        for outcome in take(store, clock, network, events).await? {
            match outcome {
                Some(Outcome::Applied { movements, .. }) => {
                    report.movements += movements;
                    report.missed += usize::from(movements > 0);
                }
                Some(Outcome::Duplicate | Outcome::ContentMismatch) => {}
                Some(Outcome::Unreadable) | None => report.left += 1,
            }
        }
        let ended = page.next.is_none();
        // Past an order that is left the watermark does not move, though a deferred one is durable: the next sweep would not
        // see it any more, and would say that the ledger is complete without it.
        let whole = report.left == 0;
        advance(store, shop, newest.filter(|_| whole), began.filter(|_| ended && whole)).await?;
        if ended {
            return Ok(report);
        }
        if clock.now() > deadline {
            return Err(ReconcileError::OutOfTime);
        }
        after = page.next;
    }
}

/// Takes a page of orders in: as a group, or where others keep writing its positions, one by one, deferring what must wait
/// (`None`).
async fn take<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    events: Vec<(Event, Option<Key>)>,
) -> Result<Vec<Option<Outcome>>, ReconcileError> {
    match commit(store, clock, network, &events).await {
        Err(CommitError::Contended { .. }) => {}
        done => return Ok(done?.into_iter().map(Some).collect()),
    }
    let mut outcomes = Vec::with_capacity(events.len());
    for (event, _) in events {
        outcomes.push(match receive(store, clock, network, event).await? {
            Received::Decided(outcome) => Some(outcome),
            Received::Deferred(_) => None,
        });
    }
    Ok(outcomes)
}

/// An order we asked for, named by what it says: the same state asked for twice is the same event.
fn asked(snapshot: OrderSnapshot) -> Event {
    let said = serde_json::to_string(&snapshot).expect("a snapshot always serialises");
    let content = content_hash(said.as_bytes());
    let id = EventId::new(format!("sweep:{}", snapshot.shop), format!("{}@{content}", snapshot.order));
    Event::Order(OrderEvent { id, content, snapshot, asked_for: true })
}

/// Moves the watermark forward, never back: sweeps may overlap each other.
async fn advance<S: Store>(
    store: &S,
    shop: &ShopDomain,
    newest: Option<Timestamp>,
    began: Option<Timestamp>,
) -> Result<(), StoreError> {
    let watermark = newest.and_then(|newest| newest.checked_sub(OVERLAP).ok());
    loop {
        let (known, expect) = read::<Sweep, S>(store, Sweep::key_of(shop)).await?;
        let old = known.clone().unwrap_or_else(|| Sweep { shop: shop.clone(), watermark: None, complete_at: None });
        let new = Sweep { shop: shop.clone(), watermark: old.watermark.max(watermark), complete_at: old.complete_at.max(began) };
        if known.as_ref() == Some(&new) {
            return Ok(());
        }
        match store.write(&[Write::put(&new, expect)]).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {} // Another sweep moved it: never below what it says now.
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
}

/// Waits for the shop's budget, if there is time left for it.
pub(super) async fn wait_within<C: Clock>(clock: &C, wait: Duration, deadline: Timestamp) -> Result<(), ReconcileError> {
    if clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX) > deadline {
        return Err(ReconcileError::OutOfTime);
    }
    clock.sleep(wait).await;
    Ok(())
}
