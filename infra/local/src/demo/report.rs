//! The report of the sale: computed from the table and the shop, never from the state of the player.
//!
//! The producible units are computed from the components at the factory and the purchase orders, without the stored plan.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::{LocationId, OrderId, Place, Quantity};
use promissory::movement::MovementKind;
use promissory_fakes::shopify::{AppliedKind, ItemId, Server, Shop};
use serde::Serialize;

use super::production::{Amounts, ComponentStock, PRODUCTION};
use super::script::{LARGE, SERUM};
use super::{DemoConfig, PlayResult};
use crate::audit::{TableContents, compare_levels, compare_orders, compare_plans};
use crate::stack::Stack;

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Percentiles {
    /// 50 of 100 were faster.
    pub p50: u64,
    /// 95 of 100 were faster.
    pub p95: u64,
    /// 99 of 100 were faster.
    pub p99: u64,
}

/// The result of the sale. It serialises to the line of `--json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The number of customers.
    pub orders: u32,
    /// The number of orders that the shop accepted.
    pub accepted: usize,
    /// Units of the serum in stock when the sale began.
    pub units: i64,
    /// Units of the serum that are producible, with those that orders wait for.
    pub producible: i64,
    /// Units of the serum that are reserved.
    pub reserved: i64,
    /// Units of the serum that have shipped.
    #[serde(skip)]
    pub shipped: i64,
    /// Units of the serum that can still be promised in the network.
    pub available: i64,
    /// Units of the serum that the shop shows as available.
    pub shopify_available: i64,
    /// The number of movements in the ledger.
    pub movements: usize,
    /// Whether every position is the fold of its movements.
    pub ledger_equals_positions: bool,
    /// Units that the shop sold beyond the stock and the producible units, over all items.
    pub oversold_by_us: i64,
    /// Whether all units of both serums that the shop shows can be made in addition to those that were sold.
    pub shown_can_be_made: bool,
    /// The units by which the shop's level of the serum rose after a raw material was received.
    pub producible_raised: i64,
    /// The units by which the shop's level of the serum fell after the supplier's due date moved.
    pub producible_lowered: i64,
    /// Milliseconds from the answer to the receipt until the shop's level rose; `None` if it never rose.
    pub raised_ms: Option<u64>,
    /// Milliseconds from the answer to the late due date until the shop's level fell; `None` if it never fell.
    pub lowered_ms: Option<u64>,
    /// The number of orders of which the ledger holds too few units.
    pub lost: usize,
    /// The number of orders of which the ledger holds too many units.
    pub duplicates_applied: usize,
    /// From the checkout to the reservation, for orders whose webhook was not lost.
    pub order_to_ledger_ms: Percentiles,
    /// From a stock change in the ledger to the push.
    pub change_to_shopify_ms: Percentiles,
    #[serde(skip)]
    extra: Extra,
}

/// Further values that only the table for people shows.
#[derive(Debug, Clone, Default)]
struct Extra {
    sold_out: usize,
    webhooks: String,
    swept: usize,
    killed: usize,
    large_made: i64,
    at_rest: bool,
    wrong_levels: Vec<String>,
    mismatches: Vec<String>,
    calls: String,
    abandoned_hints: u64,
}

impl Report {
    /// Audits a sale.
    ///
    /// # Errors
    /// When the stack cannot be read.
    pub async fn of(config: &DemoConfig, played: &PlayResult, stack: &Stack, server: &Server) -> io::Result<Self> {
        let contents = TableContents::read(&stack.dynamodb(), &stack.outputs.table_name).await?;
        let abandoned_hints = stack.waiting(&stack.outputs.push_dead_letters_url).await?;
        let stats = server.stats();
        Ok(server.shop(|shop| {
            let findings = compare_orders(&contents, shop);
            let mismatches: Vec<String> = contents.mismatches().iter().map(ToString::to_string).collect();
            let serum = contents.positions.values().filter(|position| position.of.sku.as_str() == SERUM);
            let shopify_available = shop.item(SERUM).map_or(0, |item| shown(shop, item.id));
            let shipped: Quantity = contents
                .all_movements()
                .filter(|m| m.of.sku.as_str() == SERUM && m.kind == MovementKind::Ship && !m.reversal)
                .map(|m| m.quantity)
                .sum();
            let swept = contents.all_movements().filter(|movement| movement.cause.event.source.starts_with("query:")).count();
            let counters = shop.counters();
            let parts = ComponentStock::count(&contents, Amounts::of(config.orders).raw_ordered());
            let [made, shown] = to_be_made(&contents, shop);
            let producible = shown.map(|units| units.max(0));
            let production: LocationId = PRODUCTION.parse().expect("a code");
            let mut wrong_levels = compare_levels(&contents, shop);
            wrong_levels.extend(compare_plans(&contents, shop, &production));
            if !parts.are_exact_for(producible) {
                wrong_levels.push(format!("{parts:?} are not exactly enough for {producible:?}"));
            }
            let supplied = played.supplied;
            Self {
                orders: config.orders,
                accepted: played.placed.len(),
                units: config.units,
                reserved: serum.map(|position| position.balance.reserved).sum::<Quantity>().units(),
                shipped: shipped.units(),
                available: contents.promises.iter().find(|p| p.sku.as_str() == SERUM).map_or(0, |p| p.available.units()),
                shopify_available,
                movements: contents.all_movements().count(),
                ledger_equals_positions: mismatches.is_empty(),
                producible: producible[0],
                oversold_by_us: oversold(&contents, shop) + parts.short(made.map(|units| units.max(0))),
                shown_can_be_made: parts.short(producible) == 0,
                producible_raised: supplied.raised.map_or(0, |shown| shown.units),
                producible_lowered: supplied.lowered.map_or(0, |shown| -shown.units),
                raised_ms: supplied.raised.map(|shown| shown.after_ms),
                lowered_ms: supplied.lowered.map(|shown| shown.after_ms),
                lost: findings.lost,
                duplicates_applied: findings.duplicates,
                order_to_ledger_ms: order_to_ledger(&contents, played),
                change_to_shopify_ms: change_to_shopify(&contents, played, shop),
                extra: Extra {
                    sold_out: played.sold_out,
                    webhooks: format!(
                        "{} sent, {} doubled, {} late, {} lost",
                        stats.announced, stats.doubled, stats.late, stats.lost
                    ),
                    swept,
                    killed: played.killed,
                    large_made: made[1],
                    at_rest: played.at_rest,
                    wrong_levels,
                    mismatches,
                    calls: format!(
                        "{} requests, {} points, {} throttled, {} rows",
                        counters.requests, counters.points_spent, counters.throttled, counters.rows_applied
                    ),
                    abandoned_hints,
                },
            }
        }))
    }

    /// Whether the audit found no error.
    #[must_use]
    pub fn is_correct(&self) -> bool {
        self.ledger_equals_positions
            && self.oversold_by_us == 0
            && self.shown_can_be_made
            && self.producible_raised > 0
            && self.producible_lowered > 0
            && self.lost == 0
            && self.duplicates_applied == 0
            && self.available == self.shopify_available
            && self.extra.at_rest
            && self.extra.wrong_levels.is_empty()
    }

    /// The report as a table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        let mut row = |name: &str, value: String| writeln!(table, "  {name:<38} {value}").expect("writing to a string");
        row("customers", format!("{} ({} found it sold out)", self.orders, self.extra.sold_out));
        row("orders accepted by the shop", self.accepted.to_string());
        row("webhooks", self.extra.webhooks.clone());
        row("movements in the ledger", format!("{} ({} of them brought by reading orders)", self.movements, self.extra.swept));
        if self.extra.killed > 0 {
            row("function processes killed", self.extra.killed.to_string());
        }
        row("serum: units in stock at the start", self.units.to_string());
        row("serum: units producible", self.producible.to_string());
        row("serum: reserved", self.reserved.to_string());
        row("serum: shipped", self.shipped.to_string());
        row("serum: available", self.available.to_string());
        row("serum: available in the shop", self.shopify_available.to_string());
        row("large serum: sold, and still to be made", self.extra.large_made.to_string());
        let of = |units: i64, ms: Option<u64>| {
            ms.map_or_else(
                || "never".to_owned(),
                |ms| format!("{units:+} in {}.{} s", ms.div_ceil(100) / 10, ms.div_ceil(100) % 10),
            )
        };
        row("shown after a receipt of a raw material", of(self.producible_raised, self.raised_ms));
        row("shown after a late due date", of(-self.producible_lowered, self.lowered_ms));
        row("the shop's level can be made", self.shown_can_be_made.to_string());
        row("oversold", self.oversold_by_us.to_string());
        row("orders lost", self.lost.to_string());
        row("orders applied twice", self.duplicates_applied.to_string());
        row("ledger equals positions", self.ledger_equals_positions.to_string());
        row("calls to the shop", self.extra.calls.clone());
        row("hints in the dead-letter queue", self.extra.abandoned_hints.to_string());
        let of = |p: &Percentiles| format!("p50 {} ms, p95 {} ms, p99 {} ms", p.p50, p.p95, p.p99);
        row("from order to ledger (with late webhooks)", of(&self.order_to_ledger_ms));
        row("from change to shop", of(&self.change_to_shopify_ms));
        if !self.extra.at_rest {
            row("NOT AT REST", "work was left when the time was over".into());
        }
        for wrong in self.extra.wrong_levels.iter().take(10) {
            row("DIFFERS", wrong.clone());
        }
        for mismatch in self.extra.mismatches.iter().take(10) {
            row("DOES NOT ADD UP", mismatch.clone());
        }
        table
    }
}

/// Units sold beyond all units that ever existed, of items that are not made.
fn oversold(contents: &TableContents, shop: &Shop) -> i64 {
    let bought_in = shop.items().filter(|item| ![SERUM, LARGE].contains(&item.sku.as_str()));
    bought_in.map(|item| (sold(shop, &item.sku) - existed(contents, &item.sku)).max(0)).sum()
}

/// Units of both serums that must be made in addition to the stock: for the orders, and if all units that the shop shows are sold
/// as well. A number below zero is stock that is left.
fn to_be_made(contents: &TableContents, shop: &Shop) -> [[i64; 2]; 2] {
    let made = [SERUM, LARGE].map(|sku| sold(shop, sku) - existed(contents, sku));
    let shown = [SERUM, LARGE].map(|sku| shop.item(sku).map_or(0, |item| shown(shop, item.id)));
    [made, [made[0] + shown[0], made[1] + shown[1]]]
}

/// Units of orders that are not cancelled, with units that shipped before a cancellation.
fn sold(shop: &Shop, sku: &str) -> i64 {
    let standing = shop.orders().flat_map(|order| order.lines.iter().map(move |line| (order, line)));
    standing
        .filter(|(_, line)| line.sku == sku)
        .map(|(order, line)| if order.cancelled_at.is_some() { line.fulfilled } else { line.current_quantity })
        .sum()
}

/// All units that ever existed, by the movements that no order caused.
fn existed(contents: &TableContents, sku: &str) -> i64 {
    let ours = contents.all_movements().filter(|movement| movement.of.sku.as_str() == sku && movement.cause.order.is_none());
    ours.map(|movement| movement.change().on_hand.units()).sum()
}

/// Units that the shop shows as available.
fn shown(shop: &Shop, item: ItemId) -> i64 {
    shop.levels().filter(|(id, ..)| *id == item).map(|(.., level)| level.available).sum()
}

/// The time from the checkout to the first reservation, for orders that a webhook brought.
fn order_to_ledger(contents: &TableContents, played: &PlayResult) -> Percentiles {
    let mut first: std::collections::BTreeMap<OrderId, (Timestamp, bool)> = std::collections::BTreeMap::new();
    for movement in contents.all_movements().filter(|movement| movement.kind == MovementKind::Reserve) {
        let Some(line) = &movement.cause.order else { continue };
        let by_webhook = movement.cause.event.source.starts_with("shopify:");
        let entry = first.entry(line.order).or_insert((movement.recorded_at, by_webhook));
        *entry = (*entry).min((movement.recorded_at, by_webhook));
    }
    let times = played.placed.iter().filter_map(|(order, placed)| {
        let (recorded, by_webhook) = first.get(&OrderId::new(u64::try_from(order.0).ok()?))?;
        by_webhook.then(|| between(*placed, *recorded))
    });
    percentiles(times.collect())
}

/// The time from a stock change in the ledger to the first push after it of the same item and location.
fn change_to_shopify(contents: &TableContents, played: &PlayResult, shop: &Shop) -> Percentiles {
    let times = contents
        .all_movements()
        .filter(|m| m.cause.event.source == "demo" && m.cause.event.id.starts_with("change:"))
        .filter_map(|m| {
            let Place::At(location) = &m.of.place else { return None };
            let level = contents.levels.iter().find(|level| level.sku == m.of.sku && level.location == *location)?;
            let push = shop.log().iter().find(|call| {
                call.at >= m.recorded_at
                    && matches!(call.kind, AppliedKind::Adjust | AppliedKind::Set)
                    && call.changes.iter().any(|change| {
                        u64::try_from(change.item.0) == Ok(level.inventory_item.number())
                            && u64::try_from(change.location.0) == Ok(level.shop_location.number())
                    })
            })?;
            Some(between(m.recorded_at, push.at))
        });
    let times: Vec<u64> = times.collect();
    // A change without a push has no time here; compare_levels reports it.
    assert!(times.len() <= played.changed.len(), "each change is measured once");
    percentiles(times)
}

/// Milliseconds from one time to another.
pub(super) fn between(from: Timestamp, to: Timestamp) -> u64 {
    let passed = Duration::try_from(to.duration_since(from)).unwrap_or_default();
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}

/// The 50th, 95th and 99th percentile.
pub(super) fn percentiles(mut times: Vec<u64>) -> Percentiles {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or(0);
    Percentiles { p50: at(50), p95: at(95), p99: at(99) }
}
