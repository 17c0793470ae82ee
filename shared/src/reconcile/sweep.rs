//! Missed orders: everything that changed since the watermark, through the same commit as webhooks.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ReconcileError;
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
    /// When the last sweep that came to the end began, by our clock.
    pub completed_from: Option<Timestamp>,
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
    let began = clock.now();
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
        let newest = page.orders.iter().filter_map(|order| order.facts.as_ref()).map(|facts| facts.version).max();
        report.orders += page.orders.len();
        let events: Vec<_> = page.orders.into_iter().map(|snapshot| (asked(snapshot), None)).collect();
        for outcome in take(store, clock, network, events).await? {
            if let Outcome::Applied { movements, .. } = outcome {
                report.movements += movements;
                report.missed += usize::from(movements > 0);
            }
        }
        let ended = page.next.is_none();
        advance(store, shop, newest, ended.then_some(began)).await?;
        if ended {
            return Ok(report);
        }
        if clock.now() > deadline {
            return Err(ReconcileError::OutOfTime);
        }
        after = page.next;
    }
}

/// Takes a page of orders in: as a group, or where others keep writing its positions, one by one, deferring what must wait.
async fn take<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    events: Vec<(Event, Option<Key>)>,
) -> Result<Vec<Outcome>, ReconcileError> {
    match commit(store, clock, network, &events).await {
        Err(CommitError::Contended { .. }) => {}
        done => return Ok(done?),
    }
    let mut outcomes = Vec::with_capacity(events.len());
    for (event, _) in events {
        match receive(store, clock, network, event).await? {
            Received::Decided(outcome) => outcomes.push(outcome),
            Received::Deferred(_) => {}
        }
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
        let old = known.clone().unwrap_or_else(|| Sweep { shop: shop.clone(), watermark: None, completed_from: None });
        let new =
            Sweep { shop: shop.clone(), watermark: old.watermark.max(watermark), completed_from: old.completed_from.max(began) };
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
