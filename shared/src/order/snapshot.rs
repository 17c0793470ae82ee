//! One order as a shop reported it at one moment: the same shape from a webhook and from a query.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{
    DispositionId, FulfilmentId, LineId, OrderId, Quantity, RefundId, ReturnId, ShopDomain, ShopLocationId, VariantId,
};

/// One snapshot of an order. It may be old, repeated, or partial; merging it into the record makes that harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnapshot {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The state of the whole order, if the snapshot covers the whole order.
    pub facts: Option<OrderFacts>,
    /// The locations from which its open units are to ship. Only a query reports them.
    #[serde(default)]
    pub routing: Option<Routing>,
    /// Fulfilments: all of them in a snapshot of the whole order, else the one that the snapshot is about.
    pub fulfilments: BTreeMap<FulfilmentId, Fulfilment>,
    /// Refunds: all of them in a snapshot of the whole order, else the one that the snapshot is about.
    #[serde(default)]
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Returned units that the shop put back in stock. Only a query reports them.
    #[serde(default)]
    pub dispositions: BTreeMap<DispositionId, Disposition>,
}

/// The state of a whole order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFacts {
    /// The `updated_at` of the order, in seconds. A higher one is newer.
    pub version: Timestamp,
    /// When the shop answered the query; `None` for a webhook. A query takes the open units from the fulfilment orders, a
    /// webhook has to derive them.
    pub queried_at: Option<Timestamp>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Whether it is cancelled: nothing more will ship.
    pub cancelled: bool,
    /// When it was archived, if it is. The shop archives an order by itself when nothing of it is left to do; a person may archive
    /// one that has open units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Whether the shop reserved stock for it. An order that was created by API may reserve none.
    pub confirmed: bool,
    /// Whether it is paid, or the payment is secured.
    pub paid: bool,
    /// Whether it is to be paid later by agreement: it has payment terms, or a manual method such as cash on delivery.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pays_later: bool,
    /// Whether it is a test order. A test order leads to no movements.
    pub test: bool,
    /// The location that sold it, for an order taken in a store.
    pub sold_at: Option<ShopLocationId>,
    /// Until when a draft order reserves its units; `None` for an order, and for a draft that reserves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserves_until: Option<Timestamp>,
    /// Its lines. A draft that reserves nothing has none: its lines mean nothing to the ledger.
    pub lines: BTreeMap<LineId, SnapshotLine>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotLine {
    /// The shop's SKU. Empty when the shop gave the variant none.
    pub shop_sku: String,
    /// The shop's variant; `None` when it was deleted, and for a custom line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
    /// Units ever ordered, removed ones included. It never falls.
    pub ordered: Quantity,
    /// Units still to ship, given the fulfilments in this snapshot.
    pub open: Quantity,
    /// Units ordered, without those that were removed, refunded or returned. `None` when the snapshot does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Quantity>,
    /// Whether we keep the item in stock.
    pub stocked: StockTracking,
}

/// Whether we keep the item of a line in stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockTracking {
    /// Always: the shop tracks and ships it, so it must be mapped.
    Yes,
    /// Only if it is mapped to one of our items. The shop does not track it, or does not ship it.
    IfMapped,
    /// Never: it is a gift card.
    No,
}

/// What a shop says about the kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFlags {
    /// It is a gift card.
    pub gift_card: bool,
    /// The merchant typed it in: it has no variant and no SKU.
    pub custom: bool,
    /// The shop tracks its inventory.
    pub tracked: bool,
    /// It must be shipped.
    pub ships: bool,
}

impl StockTracking {
    /// Derives it from the shop's own flags.
    #[must_use]
    pub fn of(flags: LineFlags) -> Self {
        let LineFlags { gift_card, custom, tracked, ships } = flags;
        if gift_card || custom {
            Self::No
        } else if tracked && ships {
            Self::Yes
        } else {
            Self::IfMapped
        }
    }
}

/// The locations from which the open units of each line are to ship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// The time of the newest change of any fulfilment order.
    pub version: Timestamp,
    /// The number of fulfilment orders, closed ones included. Moving or splitting one adds another.
    pub count: usize,
    /// Open units, by line and location.
    pub open: BTreeMap<LineId, BTreeMap<ShopLocationId, Quantity>>,
    /// The location of each fulfilment order of a line, closed ones included, by the time it was made.
    pub since: BTreeMap<LineId, BTreeMap<Timestamp, ShopLocationId>>,
}

/// A fulfilment: units of an order that shipped together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Its status.
    pub status: FulfilmentStatus,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it last changed.
    pub version: Timestamp,
    /// The location it shipped from.
    pub location: Option<ShopLocationId>,
    /// Units of each line.
    pub lines: BTreeMap<LineId, Quantity>,
}

/// The status of a fulfilment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// The units have shipped, or are about to.
    Shipped,
    /// The fulfilment was cancelled, or it failed.
    Void,
}

/// A refund. It never changes once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// When it was made.
    pub made_at: Timestamp,
    /// The return it settles, if any. Dispositions of that return may have put its units back in stock already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_return: Option<ReturnId>,
    /// What was refunded.
    pub lines: Vec<RefundLine>,
}

/// Units of a line that were refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The line.
    pub line: LineId,
    /// The number of units.
    pub quantity: Quantity,
    /// Whether and how the shop restocked them.
    pub restock: Restock,
    /// The location where they were restocked.
    pub location: Option<ShopLocationId>,
}

/// Whether and how the shop restocks refunded units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restock {
    /// They had not shipped, and are on sale again.
    Cancel,
    /// They had shipped, and are on sale again.
    Return,
    /// They are not put back on sale.
    None,
    /// They are on sale again. Old orders use this value and do not record whether the units had shipped.
    Legacy,
}

/// A disposition: returned units that the shop put back in stock. It never changes once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// The return.
    pub of_return: ReturnId,
    /// The line.
    pub line: LineId,
    /// The location where they were put back in stock.
    pub location: Option<ShopLocationId>,
    /// The number of units.
    pub quantity: Quantity,
    /// When it was made.
    pub made_at: Timestamp,
}

/// The fulfilments and refunds that the open units of a snapshot already account for, with the status they had then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CoveredChanges {
    /// Fulfilments.
    pub fulfilments: BTreeMap<FulfilmentId, FulfilmentStatus>,
    /// Refunds.
    pub refunds: BTreeSet<RefundId>,
}

impl OrderSnapshot {
    /// An empty snapshot of an order.
    #[must_use]
    pub fn about(shop: ShopDomain, order: OrderId) -> Self {
        let (fulfilments, refunds, dispositions) = Default::default();
        Self { shop, order, facts: None, routing: None, fulfilments, refunds, dispositions }
    }

    /// The fulfilments and refunds that its open units account for.
    #[must_use]
    pub fn covered(&self) -> CoveredChanges {
        CoveredChanges {
            fulfilments: self.fulfilments.iter().map(|(id, fulfilment)| (*id, fulfilment.status)).collect(),
            refunds: self.refunds.keys().copied().collect(),
        }
    }

    /// Every location of the shop that it names.
    pub fn locations(&self) -> impl Iterator<Item = ShopLocationId> {
        named_locations(self.facts.as_ref(), self.routing.as_ref(), &self.fulfilments, &self.refunds, &self.dispositions)
    }
}

/// Every location of the shop that these parts of an order name.
pub(super) fn named_locations<'a>(
    facts: Option<&'a OrderFacts>,
    routing: Option<&'a Routing>,
    fulfilments: &'a BTreeMap<FulfilmentId, Fulfilment>,
    refunds: &'a BTreeMap<RefundId, Refund>,
    dispositions: &'a BTreeMap<DispositionId, Disposition>,
) -> impl Iterator<Item = ShopLocationId> + 'a {
    let sold_at = facts.and_then(|facts| facts.sold_at);
    let routed = routing.into_iter().flat_map(|routing| {
        routing.open.values().flat_map(BTreeMap::keys).chain(routing.since.values().flat_map(BTreeMap::values))
    });
    let shipped = fulfilments.values().filter_map(|fulfilment| fulfilment.location);
    let refunded = refunds.values().flat_map(|refund| &refund.lines).filter_map(|line| line.location);
    let disposed = dispositions.values().filter_map(|disposition| disposition.location);
    sold_at.into_iter().chain(routed.copied()).chain(shipped).chain(refunded).chain(disposed)
}

impl FulfilmentStatus {
    /// Parses Shopify's status, ignoring case. An unknown status counts as shipped, because the shop has already taken the
    /// units off its own on-hand quantity.
    #[must_use]
    pub fn from_shopify(status: &str) -> Self {
        match status.to_ascii_lowercase().as_str() {
            "cancelled" | "error" | "failure" => Self::Void,
            _ => Self::Shipped,
        }
    }
}

impl Restock {
    /// Parses Shopify's restock type, ignoring case; `None` for an unknown one.
    #[must_use]
    pub fn from_shopify(restock: &str) -> Option<Self> {
        match restock.to_ascii_lowercase().as_str() {
            "cancel" => Some(Self::Cancel),
            "return" => Some(Self::Return),
            "no_restock" => Some(Self::None),
            "legacy_restock" => Some(Self::Legacy),
            _ => None,
        }
    }
}

impl OrderFacts {
    /// The facts of a draft order as a query answered them: it is not paid, and nothing of it has shipped. Its lines are kept only
    /// while it reserves.
    #[must_use]
    pub fn of_draft(
        (version, placed_at, queried_at): (Timestamp, Timestamp, Timestamp),
        reserves_until: Option<Timestamp>,
        lines: BTreeMap<LineId, SnapshotLine>,
    ) -> Self {
        Self {
            version,
            queried_at: Some(queried_at),
            placed_at,
            cancelled: false,
            closed_at: None,
            confirmed: true,
            paid: false,
            pays_later: false,
            test: false,
            sold_at: None,
            reserves_until,
            lines: if reserves_until.is_some() { lines } else { BTreeMap::new() },
        }
    }

    /// Whether the merchant must deliver it: the shop reserved stock for it, or the customer has paid.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.confirmed || self.paid
    }

    /// Whether this financial status means that the order is paid or its payment is secured, ignoring case. An unknown status
    /// counts as paid, because a hold must not be released on a guess.
    #[must_use]
    pub fn is_paid(status: &str) -> bool {
        !matches!(status.to_ascii_lowercase().as_str(), "pending" | "expired" | "voided")
    }

    /// Whether it has the same content as `other`, whether it comes from a webhook or a query.
    #[must_use]
    pub fn has_the_same_content(&self, other: &Self) -> bool {
        Self { queried_at: other.queried_at, ..self.clone() } == *other
    }

    /// A sort key: the higher of two snapshots is the newer. Snapshots of one second share a version, so further parts decide: a
    /// query outranks a webhook and an earlier query, and each change raises one of the remaining parts and lowers none before
    /// it: a cancellation, an addition, a fulfilment that becomes void, a refund, a payment, a shipment or removal.
    pub(super) fn progress(&self, covered: &CoveredChanges) -> impl Ord + use<> {
        let ordered: Quantity = self.lines.values().map(|line| line.ordered).sum();
        let open: Quantity = self.lines.values().map(|line| line.open).sum();
        let void = covered.fulfilments.values().filter(|status| **status == FulfilmentStatus::Void).count();
        let settled = (self.cancelled, self.confirmed);
        (self.version, self.queried_at, settled, ordered, void, covered.refunds.len(), self.paid, -open)
    }
}

impl Routing {
    /// A sort key: the higher of two routings is the newer. Each move or shipment raises one part and lowers none before it.
    pub(super) fn progress(&self) -> impl Ord + use<> {
        let open: Quantity = self.open.values().flat_map(BTreeMap::values).copied().sum();
        (self.version, self.count, -open)
    }
}
