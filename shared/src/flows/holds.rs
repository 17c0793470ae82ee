//! Holds whose time is up: found by age, decided one by one, through the same commit as everything else.

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Network, ShopDomain};
use crate::draft::EventOutcome;
use crate::flows::{Received, ReconcileError, receive};
use crate::ledger::LedgerEvent;
use crate::movement::EventId;
use crate::order::{HoldDue, HoldEvent, HoldPolicy, OrderRecord};
use crate::ports::{Clock, Listing, Store};
use crate::table::IndexPartition;

/// Orders looked at in one page.
const PAGE: usize = 200;

/// What became of holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct HoldsReport {
    /// Holds given up.
    pub expired: usize,
    /// Alerts raised about paid orders that no warehouse allocated.
    pub alerted: usize,
}

/// Looks at every hold that is old enough, oldest first.
///
/// # Errors
/// [`ReconcileError`]; the next run goes on.
pub async fn holds<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    shop: &ShopDomain,
    policy: HoldPolicy,
    deadline: Timestamp,
) -> Result<HoldsReport, ReconcileError> {
    let mut report = HoldsReport::default();
    let Some(youngest) = policy.unpaid.into_iter().chain(policy.unallocated).min() else { return Ok(report) };
    let mut listing = Listing::index(&IndexPartition::HeldOrders(shop.clone()), PAGE);
    loop {
        let page = store.list(&listing).await?;
        for record in &page.records {
            let now = clock.now();
            if now > deadline {
                return Err(ReconcileError::OutOfTime);
            }
            let order = match record.decode::<OrderRecord>() {
                Ok(order) => order,
                Err(error) => {
                    tracing::error!(%error, "an order's row cannot be read; the others go on");
                    continue;
                }
            };
            if order.facts.as_ref().is_some_and(|facts| now.duration_since(facts.placed_at).unsigned_abs() < youngest) {
                return Ok(report); // From here on all are younger.
            }
            let Some(due) = order.hold_due(policy, now) else { continue };
            let done = receive(store, clock, network, LedgerEvent::Hold(decide(&order, due, now))).await?;
            match (due, done) {
                (HoldDue::Alert, Received::Decided(EventOutcome::Applied { .. })) => report.alerted += 1,
                (HoldDue::Unpaid | HoldDue::Release, Received::Decided(EventOutcome::Applied { movements, .. })) => {
                    report.expired += usize::from(movements > 0);
                }
                (_, Received::Decided(_) | Received::Deferred(_)) => {}
            }
        }
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return Ok(report),
        }
    }
}

/// A decision, named by its reason and its time. The commit judges it again by the order as it is by then.
fn decide(order: &OrderRecord, due: HoldDue, at: Timestamp) -> HoldEvent {
    let name = match due {
        HoldDue::Unpaid => "unpaid",
        HoldDue::Release => "unallocated",
        HoldDue::Alert => "alert",
    };
    let id = EventId::new(format!("hold:{}", order.shop), format!("{}@{at}:{name}", order.order));
    HoldEvent { id, shop: order.shop.clone(), order: order.order, due, at }
}
