//! Holds whose time is up: found by age, decided one by one, through the same commit as everything else.

use jiff::Timestamp;
use serde::Serialize;

use super::ReconcileError;
use crate::catalog::{Network, ShopDomain};
use crate::clock::Clock;
use crate::ledger::{Event, EventId};
use crate::order::{HoldDue, HoldEvent, HoldPolicy, OrderRecord, receive};
use crate::store::{Listing, Store};

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
    let mut listing = Listing::index(OrderRecord::held_index(shop), PAGE);
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
            receive(store, clock, network, Event::Hold(decide(&order, due, now))).await?;
            match due {
                HoldDue::Unpaid | HoldDue::Release => report.expired += 1,
                HoldDue::Alert => report.alerted += 1,
            }
        }
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return Ok(report),
        }
    }
}

/// One decision per order, reason and version of the order: made again after a crash, it is the same event.
fn decide(order: &OrderRecord, due: HoldDue, at: Timestamp) -> HoldEvent {
    let version = order.version().map_or_else(String::new, |version| version.to_string());
    let name = match due {
        HoldDue::Unpaid => "unpaid",
        HoldDue::Release => "unallocated",
        HoldDue::Alert => "alert",
    };
    let id = EventId::new(format!("hold:{}", order.shop), format!("{}@{version}:{name}", order.order));
    HoldEvent { id, shop: order.shop.clone(), order: order.order, due, at }
}
