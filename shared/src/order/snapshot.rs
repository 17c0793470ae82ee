//! What a shop says about one order at one moment: the same shape from a webhook and from a query.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{DispositionId, FulfilmentId, LineId, OrderId, Quantity, RefundId, ReturnId, ShopDomain, ShopLocationId};

/// One statement about an order. It may be old, repeated, or partial; merging it into the record is what makes it safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnapshot {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The whole order, when this speaks of the whole order.
    pub facts: Option<OrderFacts>,
    /// Where its open units are to be shipped from, when this says so: only a query does.
    #[serde(default)]
    pub routing: Option<Routing>,
    /// Fulfilments: all of them in a statement about the whole order, else the one it is about.
    pub fulfilments: BTreeMap<FulfilmentId, Fulfilment>,
    /// Refunds: all of them in a statement about the whole order, else the one it is about.
    #[serde(default)]
    pub refunds: BTreeMap<RefundId, Refund>,
    /// Returned units that the shop has put back in stock. Only a query tells them.
    #[serde(default)]
    pub dispositions: BTreeMap<DispositionId, Disposition>,
}

/// The state of a whole order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFacts {
    /// The order's own clock: `updated_at`, in seconds. A higher one is newer.
    pub version: Timestamp,
    /// When the shop answered, for what was read by a query: its open units are the fulfilment orders' own, a webhook's are
    /// derived.
    pub queried_at: Option<Timestamp>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Cancelled: nothing more will be shipped.
    pub cancelled: bool,
    /// The shop took stock for it. An order made by API may claim none.
    pub confirmed: bool,
    /// Paid, or the payment is secured.
    pub paid: bool,
    /// Placed to try the shop out: nothing of it is real.
    pub test: bool,
    /// The location that sold it, for an order taken in a store.
    pub sold_at: Option<ShopLocationId>,
    /// Its lines.
    pub lines: BTreeMap<LineId, SnapshotLine>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotLine {
    /// What the shop calls the item. Empty when the shop gave it no SKU.
    pub shop_sku: String,
    /// Units ever ordered, removed ones included: it only grows.
    pub ordered: Quantity,
    /// Units still to be shipped, by the fulfilments this statement knows of.
    pub open: Quantity,
    /// Whether it is something we keep in stock.
    pub stocked: StockTracking,
}

/// Whether a line is of something we keep in stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockTracking {
    /// It must be: the shop counts and ships it.
    Yes,
    /// Where it is mapped to an item of ours. The shop does not count it, or does not ship it.
    IfMapped,
    /// Never: a gift card.
    No,
}

impl StockTracking {
    /// What the shop's own flags say.
    #[must_use]
    pub fn of(gift_card: bool, tracked: bool, ships: bool) -> Self {
        match (gift_card, tracked && ships) {
            (true, _) => Self::No,
            (false, true) => Self::Yes,
            (false, false) => Self::IfMapped,
        }
    }
}

/// Where the open units of each line are to be shipped from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// The newest change of any fulfilment order.
    pub version: Timestamp,
    /// How many fulfilment orders there have been: moving or splitting one makes another.
    pub count: usize,
    /// Open units, by line and location.
    pub open: BTreeMap<LineId, BTreeMap<ShopLocationId, Quantity>>,
    /// Since when the units of each line were to be shipped from where: its fulfilment orders, closed ones included.
    pub since: BTreeMap<LineId, BTreeMap<Timestamp, ShopLocationId>>,
}

/// Units of an order that left together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// How far it got.
    pub status: FulfilmentStatus,
    /// When it was made.
    pub made_at: Timestamp,
    /// Its own clock.
    pub version: Timestamp,
    /// Where it left from.
    pub location: Option<ShopLocationId>,
    /// How many units of each line.
    pub lines: BTreeMap<LineId, Quantity>,
}

/// How far a fulfilment got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// The units have left, or are leaving.
    Shipped,
    /// They did not: cancelled, failed, or refused.
    Void,
}

/// A refund. It never changes once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// When it was made.
    pub made_at: Timestamp,
    /// The return it settles, if any: its units may have been put back in stock already.
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
    /// How many units.
    pub quantity: Quantity,
    /// What became of them.
    pub restock: Restock,
    /// Where they were put back.
    pub location: Option<ShopLocationId>,
}

/// What becomes of refunded units in the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restock {
    /// They had not shipped, and are on sale again.
    Cancel,
    /// They had shipped, and are on sale again.
    Return,
    /// They are not put back on sale.
    None,
    /// They are on sale again, and an old order does not say whether they had shipped.
    Legacy,
}

/// Returned units that the shop has put back in stock. It never changes once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// The return.
    pub of_return: ReturnId,
    /// The line.
    pub line: LineId,
    /// Where they were put back.
    pub location: Option<ShopLocationId>,
    /// How many units.
    pub quantity: Quantity,
}

/// Which fulfilments and refunds a statement's open units account for, each as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CoveredChanges {
    /// Fulfilments.
    pub fulfilments: BTreeMap<FulfilmentId, FulfilmentStatus>,
    /// Refunds.
    pub refunds: BTreeSet<RefundId>,
}

impl OrderSnapshot {
    /// A statement that says nothing yet.
    #[must_use]
    pub fn about(shop: ShopDomain, order: OrderId) -> Self {
        let (fulfilments, refunds, dispositions) = Default::default();
        Self { shop, order, facts: None, routing: None, fulfilments, refunds, dispositions }
    }

    /// What its open units account for.
    #[must_use]
    pub fn counted(&self) -> CoveredChanges {
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

/// Every location of the shop that is named in what was said of an order.
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
    /// Reads Shopify's status, in either case. A status nobody has heard of yet counts as shipped: the shop has already
    /// taken the units off its own number.
    #[must_use]
    pub fn from_shopify(status: &str) -> Self {
        match status.to_ascii_lowercase().as_str() {
            "cancelled" | "error" | "failure" => Self::Void,
            _ => Self::Shipped,
        }
    }
}

impl Restock {
    /// Reads Shopify's restock type, in either case; `None` for one nobody has heard of.
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
    /// Whether the shop has the money or a claim on it, by its financial status in either case. A status nobody has heard
    /// of yet counts as paid: a hold must not be given up on a guess.
    #[must_use]
    pub fn is_paid(status: &str) -> bool {
        !matches!(status.to_ascii_lowercase().as_str(), "pending" | "expired" | "voided")
    }

    /// Whether it says the same of the order, however it was learned.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        Self { queried_at: other.queried_at, ..self.clone() } == *other
    }

    /// Orders statements. Within one second a query outranks a webhook and an earlier query, and each change raises one of the rest and lowers
    /// none before it: a cancellation, an addition, a fulfilment made void, a refund, a payment, a shipment or removal.
    pub(super) fn progress(&self, counted: &CoveredChanges) -> impl Ord + use<> {
        let ordered: Quantity = self.lines.values().map(|line| line.ordered).sum();
        let open: Quantity = self.lines.values().map(|line| line.open).sum();
        let void = counted.fulfilments.values().filter(|status| **status == FulfilmentStatus::Void).count();
        let settled = (self.cancelled, self.confirmed);
        (self.version, self.queried_at, settled, ordered, void, counted.refunds.len(), self.paid, -open)
    }
}

impl Routing {
    /// Orders statements about routing: each move or shipment raises one of these and lowers none before it.
    pub(super) fn progress(&self) -> impl Ord + use<> {
        let open: Quantity = self.open.values().flat_map(BTreeMap::values).copied().sum();
        (self.version, self.count, -open)
    }
}
