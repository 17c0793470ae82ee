//! The record of one order: the newest facts that the shop and the warehouses reported, and the ledger of each line.
//!
//! [`OrderRecord::merge`] takes snapshots in, [`OrderRecord::next_steps`] (in `plan`) returns the movements that are missing, and
//! [`OrderRecord::apply`] (in `line`) notes each movement in the transaction that makes it. So every step can be repeated after
//! a crash, and the final ledger is a function of the reported facts, in whatever order and however often they arrived.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{
    DispositionId, FulfilmentId, LineId, MissingMapping, Network, OrderId, Place, Quantity, RefundId, ShopDomain, ShopLocationId,
    Sku,
};
use crate::order::hold::{HoldAlert, HoldExpiry};
use crate::order::snapshot::named_locations;
use crate::order::{
    ComponentReport, CoveredChanges, Disposition, Fulfilment, LineLedger, OrderFacts, OrderReport, OrderSnapshot, Refund,
    ReportKind, Routing, SnapshotLine, StockTracking,
};

/// The record of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The newest facts; `None` while only webhooks about parts of the order have arrived.
    pub facts: Option<OrderFacts>,
    /// The changes that the open units of the facts account for.
    #[serde(default)]
    pub covered: CoveredChanges,
    /// The newest routing, with the changes that its open units account for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<(Routing, CoveredChanges)>,
    /// The newest version of every fulfilment.
    pub fulfilments: BTreeMap<FulfilmentId, Fulfilment>,
    /// Every refund.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Every disposition of returned units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dispositions: BTreeMap<DispositionId, Disposition>,
    /// The reports of warehouses about it, by event id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reports: BTreeMap<String, OrderReport>,
    /// The reports of warehouses about components of its kits, by event id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, ComponentReport>,
    /// The release of its hold, if the hold was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<HoldExpiry>,
    /// The open alerts about its hold.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub alerted: BTreeSet<HoldAlert>,
    /// When the shop last answered a query about it, by the shop's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Whether an event arrived since then whose effect only a query can show.
    #[serde(default)]
    pub unread: bool,
    /// Why the last query returned no usable snapshot, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<ReadFailure>,
    /// The version that was last forwarded as a sales order, or the first one whose forwarding began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Timestamp>,
    /// Whether the facts changed since then.
    #[serde(default)]
    pub unforwarded: bool,
    /// The ledger of each line.
    pub lines: BTreeMap<LineId, LineLedger>,
}

/// Why a query returned no usable snapshot of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadFailure {
    /// The shop's answer cannot be interpreted.
    Quarantined,
    /// The shop has no such order, or the app may not read it.
    Gone,
}

impl OrderRecord {
    /// The record of an order without any facts yet.
    #[must_use]
    pub fn new(shop: ShopDomain, order: OrderId) -> Self {
        let (facts, covered, routed, fulfilments, refunds, dispositions, reports, components) = Default::default();
        let (expiry, alerted, read_at, unread, unreadable, forwarded, unforwarded, lines) = Default::default();
        Self {
            shop,
            order,
            facts,
            covered,
            routed,
            fulfilments,
            refunds,
            dispositions,
            reports,
            components,
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

    /// Takes over the parts of `snapshot` that are newer; older parts change nothing. Merging is commutative and idempotent.
    pub fn merge(&mut self, snapshot: &OrderSnapshot) {
        let queried_at = snapshot.facts.as_ref().and_then(|facts| facts.queried_at);
        for (id, seen) in &snapshot.fulfilments {
            // Of two snapshots with the same version and status, the one with a location has more information.
            let rank = |f: &Fulfilment| (f.version, f.status, f.location.is_some());
            if self.fulfilments.get(id).is_none_or(|known| rank(known) < rank(seen)) {
                self.fulfilments.insert(*id, seen.clone());
            }
        }
        for (id, seen) in &snapshot.refunds {
            // A refund never changes, but a query may return more fields of it than a webhook.
            if queried_at.is_some() || !self.refunds.contains_key(id) {
                self.refunds.insert(*id, seen.clone());
            }
        }
        for (id, seen) in &snapshot.dispositions {
            self.dispositions.entry(*id).or_insert_with(|| seen.clone());
        }
        let covered = snapshot.covered();
        if let Some(routing) = &snapshot.routing
            && self.routed.as_ref().is_none_or(|(known, _)| known.progress() < routing.progress())
        {
            self.routed = Some((routing.clone(), covered.clone()));
        }
        if let Some(facts) = &snapshot.facts {
            let known = self.facts.as_ref();
            if known.is_none_or(|known| known.progress(&self.covered) < facts.progress(&covered)) {
                // A draft is no sales order. The order that it becomes is.
                self.unforwarded |= !self.order.is_draft() && known.is_none_or(|known| !known.has_the_same_content(facts));
                self.unread = queried_at.is_none();
                self.facts = Some(facts.clone());
                self.covered = covered;
            } else if known.is_some_and(|known| known.version == facts.version && !known.has_the_same_content(facts)) {
                self.unread |= queried_at.is_none(); // The webhook is from the same second as the query and may be newer.
            }
        } else {
            self.unread |= self.facts.is_none(); // A webhook about a part arrived before any snapshot of the whole order.
        }
        if queried_at.is_some() {
            self.unreadable = None;
        }
        self.read_at = self.read_at.max(queried_at);
    }

    /// Takes a report of a warehouse; a second report with the same id changes nothing.
    pub fn report(&mut self, report: &OrderReport) {
        self.unread |= self.facts.is_none();
        self.reports.entry(report.id.to_string()).or_insert_with(|| report.clone());
    }

    /// Takes a report of a warehouse about units of one component of a kit: `report` names the units, and `complete` says how many
    /// kits the units of all components make. The kits that become complete are reported like units of the line itself, unless they
    /// came back: a return of the kit is reported in the shop. A second report with the same id changes nothing.
    pub fn report_component(
        &mut self,
        report: &OrderReport,
        component: &Sku,
        complete: impl FnOnce(&BTreeMap<&Sku, Quantity>) -> Quantity,
    ) {
        let id = report.id.to_string();
        if self.components.contains_key(&id) {
            return;
        }
        let mut units = BTreeMap::from([(component, report.quantity)]);
        let mut before = Quantity::ZERO;
        for known in self.components.values().filter(|known| (known.line, known.kind) == (report.line, report.kind)) {
            *units.entry(&known.component).or_default() += known.quantity;
            before += known.completes;
        }
        let completes = (complete(&units) - before).at_least_zero();
        if completes.is_positive() && report.kind != ReportKind::Returned {
            // The kit itself is where the shop routed it; only its components are at the warehouse.
            let line = self.lines.get(&report.line);
            let reserved = line.into_iter().flat_map(|line| line.reserved.keys());
            let shipped = line.into_iter().flat_map(|line| line.shipped.values().map(|shipment| &shipment.place));
            let location = reserved.chain(shipped).find_map(Place::location).unwrap_or(&report.location).clone();
            self.report(&OrderReport { quantity: completes, location, ..report.clone() });
        }
        let (line, kind, component) = (report.line, report.kind, component.clone());
        self.components.insert(id, ComponentReport { line, kind, component, quantity: report.quantity, completes });
    }

    /// Kits of a line that reports of this kind about components have completed.
    #[must_use]
    pub fn kits_by_parts(&self, line: LineId, kind: ReportKind) -> Quantity {
        let of_line = self.components.values().filter(|report| (report.line, report.kind) == (line, kind));
        of_line.map(|report| report.completes).sum()
    }

    /// Removes the lines that a draft order does not have any more and that hold nothing: every edit of a draft brings new lines.
    pub fn forget_old_draft_lines(&mut self) {
        if let Some(facts) = self.facts.as_ref().filter(|_| self.order.is_draft()) {
            self.lines.retain(|id, line| facts.lines.contains_key(id) || !line.has_moved_nothing());
        }
    }

    /// Whether it is a draft order that neither reserves units nor has reserved any.
    #[must_use]
    pub fn is_idle_draft(&self) -> bool {
        let reserves = self.facts.as_ref().is_some_and(|facts| facts.reserves_until.is_some());
        self.order.is_draft() && !reserves && self.lines.is_empty()
    }

    /// The version of the newest facts.
    #[must_use]
    pub fn version(&self) -> Option<Timestamp> {
        self.facts.as_ref().map(|facts| facts.version)
    }

    /// The lines whose items we may keep in stock.
    pub fn stocked_lines(&self) -> impl Iterator<Item = (LineId, &SnapshotLine)> {
        let lines = self.facts.iter().filter(|facts| !facts.test).flat_map(|facts| &facts.lines);
        lines.filter(|(_, line)| line.stocked != StockTracking::No).map(|(id, line)| (*id, line))
    }

    /// Records the item of a line. A line keeps the item of its first movement even if the mapping changes later, because
    /// reserved units must be released from the item for which they were reserved.
    pub fn map_line(&mut self, line: LineId, sku: &Sku) {
        let line = self.lines.entry(line).or_default();
        if line.has_moved_nothing() {
            line.sku = Some(sku.clone());
        }
    }

    /// Whether it must be forwarded to the manufacturing system: its facts changed, it has a mapped line, and it is an accepted order
    /// or the system has an earlier version of it.
    #[must_use]
    pub fn must_be_forwarded(&self) -> bool {
        let Some(facts) = &self.facts else { return false };
        let has_mapped_line = self.lines.values().any(|line| line.sku.is_some());
        let accepted = facts.is_accepted() && !facts.cancelled;
        self.unforwarded && !facts.test && has_mapped_line && (accepted || self.forwarded.is_some())
    }

    /// Whether the reconciler must read it, because only a query shows its state or because it must be forwarded. An order whose
    /// last query failed is read again only after another event about it.
    #[must_use]
    pub fn waits_to_be_read(&self) -> bool {
        self.unread || (self.unreadable.is_none() && self.must_be_forwarded())
    }

    /// The locations of the shop that this order names and that are not mapped, each with a text for the alert.
    #[must_use]
    pub fn unmapped_locations(&self, network: &Network) -> Vec<(MissingMapping, String)> {
        let routing = self.routed.as_ref().map(|(routing, _)| routing);
        let named: BTreeSet<ShopLocationId> =
            named_locations(self.facts.as_ref(), routing, &self.fulfilments, &self.refunds, &self.dispositions).collect();
        named
            .into_iter()
            .filter(|id| network.by_shop_id(&self.shop, *id).is_none())
            .map(|location| {
                let shop = &self.shop;
                let detail = format!("{shop} uses its location {location}, which is not mapped: add it to location_codes.csv.");
                (MissingMapping::ShopLocation { shop: self.shop.clone(), location }, detail)
            })
            .collect()
    }
}
