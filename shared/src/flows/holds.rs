//! Expires reservations ("holds") of unpaid or unallocated orders, and of draft orders whose time has passed. The job finds old
//! orders and drafts through the index, decides each by itself, and commits each decision like any other event.

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{Network, ShopDomain};
use crate::draft::EventOutcome;
use crate::flows::watermark::order_watermark;
use crate::flows::{Received, ReconcileError, receive};
use crate::ledger::LedgerEvent;
use crate::movement::EventId;
use crate::order::{HoldAction, HoldEvent, HoldPolicy, OrderRecord};
use crate::ports::{Clock, Listing, Store, list_all};
use crate::table::{IndexPartition, Record};

/// The number of orders read in one page.
const PAGE: usize = 200;

/// What one run of the job did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct HoldsReport {
    /// Orders and drafts whose hold expired.
    pub expired: usize,
    /// Alerts raised about paid orders that no warehouse has allocated.
    pub alerted: usize,
}

/// Processes every draft that reserves for longer than it may, and every order that is old enough to have an expired hold, oldest
/// first.
///
/// # Errors
/// [`ReconcileError`]. The next run continues.
pub async fn holds<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    shop: &ShopDomain,
    policy: HoldPolicy,
    deadline: Timestamp,
) -> Result<HoldsReport, ReconcileError> {
    let Some(settings) = network.live_shop(shop, clock.now()) else {
        return Ok(HoldsReport::default());
    };
    // A draft that cannot be written must not stop the orders.
    let of_drafts = drafts(store, clock, network, shop, deadline).await;
    if let Some(restored_at) = settings.restored_at {
        // Until a sweep is complete, the table does not know who has paid since the time that it was restored to.
        let mark = order_watermark(store, shop).await?;
        if mark.complete_at.is_none_or(|complete_at| complete_at <= restored_at) {
            return Ok(HoldsReport { expired: of_drafts?, ..HoldsReport::default() });
        }
    }
    let of_orders = orders(store, clock, network, (shop, settings.go_live_at, policy), deadline).await?;
    Ok(HoldsReport { expired: of_orders.expired + of_drafts?, ..of_orders })
}

/// Processes every order that is old enough to have an expired hold, oldest first.
async fn orders<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    (shop, go_live_at, policy): (&ShopDomain, Timestamp, HoldPolicy),
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
            let Some(order) = readable(record) else { continue };
            let held_since = order.facts.as_ref().map(|facts| facts.placed_at.max(go_live_at));
            if held_since.is_some_and(|since| now.duration_since(since).unsigned_abs() < youngest) {
                return Ok(report); // The index is sorted by age: every later order is younger.
            }
            let Some(due) = order.hold_action(policy, go_live_at, now) else { continue };
            let done = receive(store, clock, network, LedgerEvent::Hold(decide(&order, due, now))).await?;
            match (due, done) {
                (HoldAction::Alert, Received::Decided(EventOutcome::Applied { .. })) => report.alerted += 1,
                (HoldAction::Alert, Received::Decided(_) | Received::Deferred(_)) => {}
                (_, done) => report.expired += usize::from(has_moved(&done)),
            }
        }
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return Ok(report),
        }
    }
}

/// Ends the holds of drafts whose time has passed. Returns how many ended.
///
/// A draft may have become an order just before its time passed. Its hold therefore ends only when a complete sweep has begun
/// since then, so that the ledger has the order, which reserves by itself.
async fn drafts<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    shop: &ShopDomain,
    deadline: Timestamp,
) -> Result<usize, ReconcileError> {
    let mark = order_watermark(store, shop).await?;
    let Some(swept_at) = mark.complete_at else { return Ok(0) };
    // What a search did not contain yet is not in the ledger.
    let swept_at = swept_at.saturating_sub(mark.lag_allowance(clock.now())).unwrap_or(Timestamp::MIN);
    let mut expired = 0;
    for record in list_all(store, Listing::index(&IndexPartition::HeldDrafts(shop.clone()), PAGE)).await? {
        let now = clock.now();
        if now > deadline {
            return Err(ReconcileError::OutOfTime);
        }
        let Some(draft) = readable(&record) else { continue };
        let until = draft.facts.as_ref().and_then(|facts| facts.reserves_until);
        if until.is_some_and(|until| until > now.min(swept_at)) {
            break; // The index is sorted by that time: every later draft reserves for longer.
        }
        let ended = decide(&draft, HoldAction::DraftExpired, now);
        expired += usize::from(has_moved(&receive(store, clock, network, LedgerEvent::Hold(ended)).await?));
    }
    Ok(expired)
}

/// The order or draft of a row; `None` if the row cannot be read.
fn readable(record: &Record) -> Option<OrderRecord> {
    let order = record.decode::<OrderRecord>();
    order.inspect_err(|error| tracing::error!(%error, "an order's row cannot be read; the job continues with the others")).ok()
}

/// Whether an event led to movements.
fn has_moved(received: &Received) -> bool {
    matches!(received, Received::Decided(EventOutcome::Applied { movements, .. }) if *movements > 0)
}

/// Builds the event of one decision. Its id names the order, the reason and the time. The commit checks the decision again
/// against the order as it is stored by then.
pub(super) fn decide(order: &OrderRecord, due: HoldAction, at: Timestamp) -> HoldEvent {
    let name = match due {
        HoldAction::Unpaid => "unpaid",
        HoldAction::Release => "unallocated",
        HoldAction::Alert => "alert",
        HoldAction::DraftExpired => "expired",
        HoldAction::DraftDeleted => "deleted",
    };
    let id = EventId::new(format!("hold:{}", order.shop), format!("{}@{at}:{name}", order.order));
    HoldEvent { id, shop: order.shop.clone(), order: order.order, due, at }
}
