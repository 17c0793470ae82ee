//! One example of every kind of row: for the reference of the table, and for tests that must cover every kind.

use jiff::Timestamp;

use super::index::{IndexKey, OrderEntry};
use super::key::RowKey;
use super::retention::Retention;
use crate::alert::AlertSubject;
use crate::catalog::{MetafieldKind, MissingMapping, OrderId, Resource, VariantId};
use crate::ledger::Lane;
use crate::movement::{EventId, PositionKey};
use crate::source::DocumentKind;

/// A row, what it holds, and the index entries under which it can be found.
#[derive(Debug, Clone)]
pub struct Example {
    /// What the row holds.
    pub holds: &'static str,
    /// The name of the row.
    pub row: RowKey,
    /// The index entries, each with when the row has it.
    pub index: Vec<(IndexKey, &'static str)>,
    /// From when on its retention counts, where it is not kept for ever.
    pub kept_from: &'static str,
}

impl Example {
    /// How long the row is kept, in words.
    #[must_use]
    pub fn kept(&self) -> String {
        match self.row.retention() {
            Retention::Kept => String::new(),
            Retention::Days(days) => format!("{days} days after {}", self.kept_from),
        }
    }
}

/// One example of every kind of row, in the order of [`RowKey`].
///
/// # Panics
/// Never: the names are well formed.
#[must_use]
pub fn examples() -> Vec<Example> {
    let mut examples = catalog();
    examples.extend(ledger());
    examples.extend(sources());
    examples.extend(promises());
    examples.extend(shops());
    examples
}

fn name<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text} is well formed"))
}

fn row(holds: &'static str, row: RowKey) -> Example {
    Example { holds, row, index: Vec::new(), kept_from: "" }
}

fn position() -> PositionKey {
    name("SERUM-30@WH-1")
}

fn event() -> EventId {
    EventId::new("wms-east", "GR-4711")
}

fn placed(order: OrderId) -> OrderEntry {
    OrderEntry { shop: name("shop.myshopify.com"), placed_at: Timestamp::UNIX_EPOCH, order }
}

fn catalog() -> Vec<Example> {
    let (sku, shop) = (|| name("SERUM-30"), || name("shop.myshopify.com"));
    vec![
        Example {
            index: vec![(IndexKey::Item(sku()), "always")],
            ..row("an item, and how each shop lists it", RowKey::Item(sku()))
        },
        Example {
            index: vec![(IndexKey::ShopItem { shop: shop(), sku: sku() }, "always")],
            ..row("the item that a shop's SKU stands for", RowKey::ShopItem { shop: shop(), shop_sku: "serum-30".into() })
        },
        row(
            "the item that a shop's variant is",
            RowKey::ListedVariant { shop: shop(), variant: VariantId::new(45_000_000_000_001) },
        ),
        row(
            "the item that another system's code stands for",
            RowKey::SystemItem { system: "wms-east".into(), code: "4711".into() },
        ),
        row("a tier of items, with its buffer", RowKey::Tier(name("A"))),
        row("a work centre, with its capacity", RowKey::WorkCentre(name("FILL"))),
        row("a location, with its codes in shops and systems", RowKey::Location(name("WH-1"))),
        row("the settings of a shop: when it goes live", RowKey::Shop(shop())),
        row("the bill of materials in force", RowKey::Bill(sku())),
        row("a version of a bill of materials", RowKey::BillVersion { parent: sku(), version: 3 }),
        row(
            "where-used: at least every item whose bill names the component or work centre",
            RowKey::WhereUsed(Resource::Item(name("BOTTLE"))),
        ),
    ]
}

fn ledger() -> Vec<Example> {
    let (order, shop) = (OrderId::new(1001), || name("shop.myshopify.com"));
    let found = IndexKey::Movement { shop: shop(), order, of: position(), seq: 42 };
    let held_draft = IndexKey::HeldDraft { shop: shop(), until: Timestamp::UNIX_EPOCH, draft: OrderId::Draft(9001) };
    let deferred = IndexKey::Deferred { at: Timestamp::UNIX_EPOCH, event: event() };
    vec![
        row("the state of one item at one place", RowKey::Position(position())),
        Example {
            index: vec![(found, "where an order caused it")],
            ..row("one change of a position", RowKey::Movement { of: position(), seq: 42 })
        },
        Example {
            index: vec![
                (IndexKey::UnreadOrder(placed(order)), "while it must be read or forwarded"),
                (IndexKey::QuarantinedOrder(placed(order)), "while it is quarantined"),
                (IndexKey::HeldOrder(placed(order)), "while no warehouse has allocated its units"),
                (held_draft, "while it is a draft order that reserves"),
            ],
            ..row("an order: its newest facts, and what the ledger holds for it", RowKey::Order { shop: shop(), order })
        },
        row("a request to read an order", RowKey::OrderToRead { shop: shop(), gid: "gid://shopify/Return/7".into() }),
        Example {
            kept_from: "it was applied, if it is an order of a shop",
            ..row(
                "the mark that an event is in the ledger",
                RowKey::AppliedEvent(EventId::of_webhook("shop.myshopify.com", "b1946ac9")),
            )
        },
        Example {
            index: vec![(deferred, "always")],
            ..row("an event that waits for busy rows", RowKey::Deferred { lane: Lane::Position(position()), event: event() })
        },
    ]
}

fn sources() -> Vec<Example> {
    let (sku, system, feed) = (|| name("SERUM-30"), || name("wms-east"), || name("stock"));
    let missing = || MissingMapping::Item { system: "wms-east".into(), code: "4711".into() };
    let commitment = RowKey::Commitment { document: DocumentKind::Transfer, reference: "T-1".into(), of: position() };
    let refresh = RowKey::FullRefresh { system: system(), feed: feed(), name: "9f86d081".into() };
    vec![
        row("the open commitment of a source document at one position", commitment),
        row("the scheduled receipts of an item: purchase orders and production runs", RowKey::Receipts(sku())),
        Example {
            index: vec![(IndexKey::Waiting { missing: missing(), name: "GR-4711".into() }, "always")],
            ..row("an event or an order that waits for a mapping", RowKey::Waiting { missing: missing(), name: "GR-4711".into() })
        },
        row("the heartbeat of a source system: when it was last seen", RowKey::Heartbeat("wms-east".into())),
        row("a system, and what is pulled from it", RowKey::System(system())),
        row("how far a feed has been read", RowKey::FeedWatermark { system: system(), feed: feed() }),
        row("an item and location that a full refresh reported", refresh),
    ]
}

fn promises() -> Vec<Example> {
    vec![
        row("what can be promised of an item", RowKey::Promise(name("SERUM-30"))),
        row("the plan of a planning group, by its first item", RowKey::Plan(name("BASE"))),
        row("which plan an item is in", RowKey::PlanOf(name("SERUM-30"))),
    ]
}

fn shops() -> Vec<Example> {
    let (sku, shop, location, at) = (|| name("SERUM-30"), || name("shop.myshopify.com"), || name("WH-1"), Timestamp::UNIX_EPOCH);
    let due = IndexKey::DueLevel { shop: shop(), urgency: 0, changed_at: at, sku: sku(), location: location() };
    vec![
        Example {
            index: vec![(due, "while it must be sent to the shop")],
            ..row("a level in a shop", RowKey::Level { shop: shop(), sku: sku(), location: location() })
        },
        Example {
            index: vec![(
                IndexKey::DueMetafield { shop: shop(), changed_at: at, sku: sku() },
                "while it must be sent to the shop",
            )],
            ..row("a variant metafield", RowKey::Metafield { shop: shop(), sku: sku(), kind: MetafieldKind::Lots })
        },
        row("the last push to a shop", RowKey::Intent(shop())),
        Example {
            kept_from: "its outcome was recorded",
            ..row("a call to a shop, with its outcome", RowKey::Call { shop: shop(), number: 42 })
        },
        row("how far a shop's orders have been swept", RowKey::OrderWatermark(shop())),
        row("how far the comparison with a shop has come", RowKey::CompareProgress(shop())),
        Example {
            kept_from: "it began",
            ..row("the report of one page of a comparison", RowKey::CompareReport { shop: shop(), began: at })
        },
        row("how far recomputing every item has come", RowKey::Refresh),
        Example {
            index: vec![(IndexKey::RaisedAlert(AlertSubject::LowStock { sku: sku() }), "while it is raised")],
            kept_from: "it was cleared",
            ..row("an alert", RowKey::Alert(AlertSubject::LowStock { sku: sku() }))
        },
    ]
}
