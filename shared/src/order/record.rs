//! What is recorded of one order: the newest statements about it, and what the ledger already holds for it.
//!
//! Statements go in by [`OrderRecord::merge`], movements come out by [`OrderRecord::next_steps`] (in `plan`), and each
//! one that is made is noted by [`OrderRecord::apply`] (in `line`), in the transaction that makes it. So every step can be repeated
//! after a crash, and what is held in the end is a function of what has been said, whatever its order and number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{
    DispositionId, FulfilmentId, LineId, MissingMapping, Network, OrderId, RefundId, ShopDomain, ShopLocationId, Sku,
};
use crate::order::hold::{HoldAlert, HoldExpiry};
use crate::order::snapshot::named_locations;
use crate::order::{
    CoveredChanges, Disposition, Fulfilment, LineLedger, OrderFacts, OrderReport, OrderSnapshot, Refund, Routing, StockTracking,
};

/// An order as we know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The newest facts; none while only a part of it has been heard of.
    pub facts: Option<OrderFacts>,
    /// What the facts' open units account for.
    #[serde(default)]
    pub counted: CoveredChanges,
    /// The newest routing, with what its open units account for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<(Routing, CoveredChanges)>,
    /// Every fulfilment heard of, each at its newest.
    pub fulfilments: BTreeMap<FulfilmentId, Fulfilment>,
    /// Every refund heard of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Every disposition of returned units heard of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dispositions: BTreeMap<DispositionId, Disposition>,
    /// What warehouses reported of it, by the report's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reports: BTreeMap<String, OrderReport>,
    /// That its hold was given up, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<HoldExpiry>,
    /// The alerts that stand about it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub alerted: BTreeSet<HoldAlert>,
    /// When the shop last answered a query about it, by the shop's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Whether something was said since that only a query can tell.
    #[serde(default)]
    pub unread: bool,
    /// Why the last query of it told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<ReadFailure>,
    /// The version that was last forwarded as a sales order, or the first that was about to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Timestamp>,
    /// Whether the facts changed since.
    #[serde(default)]
    pub unforwarded: bool,
    /// What the ledger holds, per line.
    pub lines: BTreeMap<LineId, LineLedger>,
}

/// Why a query of an order told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadFailure {
    /// What the shop says makes no sense.
    Odd,
    /// The shop does not show it, or not any more.
    Gone,
}

impl OrderRecord {
    /// An order nothing is known of yet.
    #[must_use]
    pub fn new(shop: ShopDomain, order: OrderId) -> Self {
        let (facts, counted, routed, fulfilments, refunds, dispositions, reports) = Default::default();
        let (expiry, alerted, read_at, unread, unreadable, forwarded, unforwarded, lines) = Default::default();
        Self {
            shop,
            order,
            facts,
            counted,
            routed,
            fulfilments,
            refunds,
            dispositions,
            reports,
            expiry,
            alerted,
            read_at,
            unread,
            unreadable,
            forwarded,
            unforwarded,
            lines,
        }
    }

    /// Takes what is newer in `snapshot`; what is older changes nothing. Merging is commutative and can be repeated.
    pub fn merge(&mut self, snapshot: &OrderSnapshot) {
        let queried_at = snapshot.facts.as_ref().and_then(|facts| facts.queried_at);
        for (id, seen) in &snapshot.fulfilments {
            // A statement that knows the location says more than one that does not.
            let rank = |f: &Fulfilment| (f.version, f.status, f.location.is_some());
            if self.fulfilments.get(id).is_none_or(|known| rank(known) < rank(seen)) {
                self.fulfilments.insert(*id, seen.clone());
            }
        }
        for (id, seen) in &snapshot.refunds {
            // They never change, but a query may know more of one.
            if queried_at.is_some() || !self.refunds.contains_key(id) {
                self.refunds.insert(*id, seen.clone());
            }
        }
        for (id, seen) in &snapshot.dispositions {
            self.dispositions.entry(*id).or_insert_with(|| seen.clone());
        }
        let counted = snapshot.counted();
        if let Some(routing) = &snapshot.routing
            && self.routed.as_ref().is_none_or(|(known, _)| known.progress() < routing.progress())
        {
            self.routed = Some((routing.clone(), counted.clone()));
        }
        if let Some(facts) = &snapshot.facts {
            let known = self.facts.as_ref();
            if known.is_none_or(|known| known.progress(&self.counted) < facts.progress(&counted)) {
                self.unforwarded |= known.is_none_or(|known| !known.says_the_same(facts));
                self.unread = queried_at.is_none();
                self.facts = Some(facts.clone());
                self.counted = counted;
            } else if known.is_some_and(|known| known.version == facts.version && !known.says_the_same(facts)) {
                self.unread |= queried_at.is_none(); // Said in the same second as what was read: it may be newer.
            }
        } else {
            self.unread |= self.facts.is_none(); // A part of an order of which the whole is not known.
        }
        if queried_at.is_some() {
            self.unreadable = None;
        }
        self.read_at = self.read_at.max(queried_at);
    }

    /// Takes what a warehouse reports, once by its name.
    pub fn report(&mut self, report: &OrderReport) {
        self.unread |= self.facts.is_none();
        self.reports.entry(report.id.to_string()).or_insert_with(|| report.clone());
    }

    /// The version of the newest facts.
    #[must_use]
    pub fn version(&self) -> Option<Timestamp> {
        self.facts.as_ref().map(|facts| facts.version)
    }

    /// The lines of what we may keep in stock, with what the shop calls it.
    pub fn stocked_lines(&self) -> impl Iterator<Item = (LineId, &str, StockTracking)> {
        let lines = self.facts.iter().filter(|facts| !facts.test).flat_map(|facts| &facts.lines);
        lines.filter(|(_, line)| line.stocked != StockTracking::No).map(|(id, line)| (*id, line.shop_sku.as_str(), line.stocked))
    }

    /// Notes the item of a line. A line keeps the item it first moved, even if the mapping changes later: what was
    /// reserved must be released where it was reserved.
    pub fn map_line(&mut self, line: LineId, sku: &Sku) {
        let line = self.lines.entry(line).or_default();
        if line.has_moved_nothing() {
            line.sku = Some(sku.clone());
        }
    }

    /// Whether it must be forwarded to the manufacturing system: a version of an order it has, or should have.
    #[must_use]
    pub fn must_be_forwarded(&self) -> bool {
        let Some(facts) = &self.facts else { return false };
        let has_goods = self.lines.values().any(|line| line.sku.is_some());
        let accepted = facts.confirmed && !facts.cancelled && has_goods;
        self.unforwarded && !facts.test && (accepted || self.forwarded.is_some())
    }

    /// Whether someone must read it: for news, or to forward it. One whose last reading told nothing waits for news.
    #[must_use]
    pub fn waits_to_be_read(&self) -> bool {
        self.unread || (self.unreadable.is_none() && self.must_be_forwarded())
    }

    /// The locations this order names that are not ours, with what to do about them.
    #[must_use]
    pub fn unmapped_locations(&self, network: &Network) -> Vec<(MissingMapping, String)> {
        let routing = self.routed.as_ref().map(|(routing, _)| routing);
        let named: BTreeSet<ShopLocationId> =
            named_locations(self.facts.as_ref(), routing, &self.fulfilments, &self.refunds, &self.dispositions).collect();
        named
            .into_iter()
            .filter(|id| network.by_shop_id(&self.shop, *id).is_none())
            .map(|location| {
                let detail = format!("{} uses its location {location}, which is none of ours: add it to the network.", self.shop);
                (MissingMapping::ShopLocation { shop: self.shop.clone(), location }, detail)
            })
            .collect()
    }
}
