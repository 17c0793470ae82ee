//! The names of rows: one variant for every kind of row that the table holds.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use strum::{EnumDiscriminants, EnumIter};

use super::segments::{HEAD, join, long_name, name, number, split};
use crate::alert::AlertSubject;
use crate::catalog::{
    FeedId, LocationId, MetafieldKind, MissingMapping, OrderId, Resource, ShopDomain, Sku, SystemId, TierId, VariantId,
    WorkCentreId,
};
use crate::ledger::Lane;
use crate::movement::{EventId, PositionKey};
use crate::source::DocumentKind;

/// Where a row is stored: its partition key and its sort key, as DynamoDB holds them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition: the thing the row belongs to.
    pub pk: String,
    /// The row within its partition.
    pub sk: String,
}

impl Key {
    /// A key from its two stored parts. Code that names a row uses [`RowKey`] instead.
    #[must_use]
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }
}

impl Key {
    /// The key that was printed as `text`, if a kind of row is stored under it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let keys = text.match_indices('/').map(|(at, _)| Self::new(&text[..at], &text[at + 1..]));
        keys.into_iter().find(|key| RowKey::parse(key).is_some())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

/// The name of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, EnumDiscriminants)]
#[strum_discriminants(name(RowKind), derive(EnumIter, PartialOrd, Ord, Hash), doc = "The kinds of rows.")]
pub enum RowKey {
    /// An item.
    Item(Sku),
    /// The item that a shop's SKU stands for.
    ShopItem {
        /// The shop.
        shop: ShopDomain,
        /// Its SKU.
        shop_sku: String,
    },
    /// The item that a variant of a shop is.
    ListedVariant {
        /// The shop.
        shop: ShopDomain,
        /// The variant.
        variant: VariantId,
    },
    /// The item that another system's code stands for.
    SystemItem {
        /// The system.
        system: String,
        /// Its code.
        code: String,
    },
    /// A tier of items.
    Tier(TierId),
    /// A work centre.
    WorkCentre(WorkCentreId),
    /// A location.
    Location(LocationId),
    /// The settings of a shop.
    Shop(ShopDomain),
    /// The bill of materials in force.
    Bill(Sku),
    /// A version of a bill of materials.
    BillVersion {
        /// The item it makes.
        parent: Sku,
        /// The version.
        version: u32,
    },
    /// The items whose bills name a component or a work centre.
    WhereUsed(Resource),
    /// The state of one item at one place.
    Position(PositionKey),
    /// One change of a position.
    Movement {
        /// The position.
        of: PositionKey,
        /// Its sequence number there.
        seq: u64,
    },
    /// An order.
    Order {
        /// The shop.
        shop: ShopDomain,
        /// The order.
        order: OrderId,
    },
    /// A request to read an order from its shop.
    OrderToRead {
        /// The shop.
        shop: ShopDomain,
        /// The global id of the order, or of something that belongs to it.
        gid: String,
    },
    /// The mark that an event is in the ledger.
    AppliedEvent(EventId),
    /// An event that waits for busy rows.
    Deferred {
        /// Where it waits.
        lane: Lane,
        /// The event.
        event: EventId,
    },
    /// The open commitment of a source document at one position.
    Commitment {
        /// The kind of document.
        document: DocumentKind,
        /// Its name.
        reference: String,
        /// The position.
        of: PositionKey,
    },
    /// The scheduled receipts of an item.
    Receipts(Sku),
    /// An event or an order that waits for a mapping.
    Waiting {
        /// The mapping that is missing.
        missing: MissingMapping,
        /// The event or order.
        name: String,
    },
    /// The heartbeat of a source system: when it was last seen.
    Heartbeat(String),
    /// Another system.
    System(SystemId),
    /// How far a feed has been read.
    FeedWatermark {
        /// The system.
        system: SystemId,
        /// The feed.
        feed: FeedId,
    },
    /// An item and location that a full refresh reported.
    FullRefresh {
        /// The system.
        system: SystemId,
        /// The feed.
        feed: FeedId,
        /// The hash of item and location.
        name: String,
    },
    /// What can be promised of an item.
    Promise(Sku),
    /// The plan of a planning group, by its first item.
    Plan(Sku),
    /// Which plan an item is in.
    PlanOf(Sku),
    /// The level of an item at a location of a shop.
    Level {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// Our location.
        location: LocationId,
    },
    /// A metafield of a variant of a shop.
    Metafield {
        /// The shop.
        shop: ShopDomain,
        /// The item.
        sku: Sku,
        /// Which metafield.
        kind: MetafieldKind,
    },
    /// The last push to a shop.
    Intent(ShopDomain),
    /// A call to a shop, with its outcome.
    Call {
        /// The shop.
        shop: ShopDomain,
        /// The number of its intent.
        number: u64,
    },
    /// How far the orders of a shop have been swept.
    OrderWatermark(ShopDomain),
    /// How far the comparison with a shop has come.
    CompareProgress(ShopDomain),
    /// The report of one page of a comparison.
    CompareReport {
        /// The shop.
        shop: ShopDomain,
        /// When it began.
        began: Timestamp,
    },
    /// How far recomputing every item has come.
    Refresh,
    /// An alert.
    Alert(AlertSubject),
}

impl RowKey {
    /// The key under which the row is stored.
    #[must_use]
    pub fn key(&self) -> Key {
        let head = |segments: &[&str]| Key::new(join(segments), HEAD);
        let row = |pk: &[&str], sk: &[&str]| Key::new(join(pk), join(sk));
        match self {
            Self::Item(sku) => head(&["ITEM", sku.as_str()]),
            Self::ShopItem { shop, shop_sku } => row(&["LISTING", shop.as_str()], &["SKU", &name(shop_sku)]),
            Self::ListedVariant { shop, variant } => row(&["LISTING", shop.as_str()], &["VARIANT", &variant.to_string()]),
            Self::SystemItem { system, code } => row(&["SYSITEM", system], &["CODE", &name(code)]),
            Self::Tier(id) => row(&["TIERS"], &[id.as_str()]),
            Self::WorkCentre(code) => row(&["CENTRES"], &[code.as_str()]),
            Self::Location(code) => row(&["LOCATIONS"], &[code.as_str()]),
            Self::Shop(shop) => row(&["SHOPS"], &[shop.as_str()]),
            Self::Bill(parent) => head(&["BOM", parent.as_str()]),
            Self::BillVersion { parent, version } => row(&["BOM", parent.as_str()], &["VERSION", &number(u64::from(*version))]),
            Self::WhereUsed(Resource::Item(component)) => head(&["USED", "ITEM", component.as_str()]),
            Self::WhereUsed(Resource::WorkCentre(code)) => head(&["USED", "CENTRE", code.as_str()]),
            Self::Position(of) => head(&["POS", &of.to_string()]),
            Self::Movement { of, seq } => row(&["POS", &of.to_string()], &["MOV", &number(*seq)]),
            Self::Order { shop, order } => head(&["ORD", shop.as_str(), &order.to_string()]),
            Self::OrderToRead { shop, gid } => row(&["TOREAD", shop.as_str()], &[gid]),
            Self::AppliedEvent(EventId { source, id }) => head(&["EVT", source, id]),
            Self::Deferred { lane, event } => Key::new(partition_of(lane), join(&[&event.source, &event.id])),
            Self::Commitment { document, reference, of } => row(&["COMMITMENT", document.name(), reference], &[&of.to_string()]),
            Self::Receipts(sku) => head(&["RECEIPTS", sku.as_str()]),
            Self::Waiting { missing, name: of } => {
                let fields = missing.fields();
                let fields: Vec<Cow<'_, str>> = fields.iter().map(|field| name(field)).collect();
                let segments = std::iter::once("WAITING").chain(fields.iter().map(Cow::as_ref));
                row(&segments.collect::<Vec<_>>(), &[&name(of)])
            }
            Self::Heartbeat(system) => head(&["HEARTBEAT", system]),
            Self::System(code) => row(&["SYSTEMS"], &[code.as_str()]),
            Self::FeedWatermark { system, feed } => row(&["FEED", system.as_str()], &[feed.as_str()]),
            Self::FullRefresh { system, feed, name } => row(&["REPORTED", system.as_str(), feed.as_str()], &[name]),
            Self::Promise(sku) => head(&["PROMISE", sku.as_str()]),
            Self::Plan(first) => head(&["PLAN", first.as_str()]),
            Self::PlanOf(sku) => head(&["PLANOF", sku.as_str()]),
            Self::Level { shop, sku, location } => row(&["LEVEL", shop.as_str(), sku.as_str()], &[location.as_str()]),
            Self::Metafield { shop, sku, kind } => row(&["METAFIELD", shop.as_str(), kind.metafield()], &[sku.as_str()]),
            Self::Intent(shop) => head(&["INTENT", shop.as_str()]),
            Self::Call { shop, number: of } => row(&["INTENT", shop.as_str()], &["CALL", &number(*of)]),
            Self::OrderWatermark(shop) => row(&["WATERMARK", shop.as_str()], &["ORDERS"]),
            Self::CompareProgress(shop) => row(&["WATERMARK", shop.as_str()], &["COMPARE"]),
            Self::CompareReport { shop, began } => row(&["REPORT", shop.as_str()], &["COMPARE", &began.to_string()]),
            Self::Refresh => head(&["REFRESH"]),
            Self::Alert(about) => {
                let fields = about.fields();
                let fields: Vec<Cow<'_, str>> = fields.iter().map(|field| long_name(field)).collect();
                let segments = ["ALERT", about.rule()].into_iter().chain(fields.iter().map(Cow::as_ref));
                head(&segments.collect::<Vec<_>>())
            }
        }
    }

    /// The row that is stored under a key; `None` where no kind of row is stored so.
    #[must_use]
    pub fn parse(key: &Key) -> Option<Self> {
        let (pk, sk) = (split(&key.pk), split(&key.sk));
        let (pk, sk): (Vec<&str>, Vec<&str>) = (pk.iter().map(String::as_str).collect(), sk.iter().map(String::as_str).collect());
        let owned = |text: &str| text.to_owned();
        Some(match (pk.as_slice(), sk.as_slice()) {
            (["ITEM", sku], [HEAD]) => Self::Item(sku.parse().ok()?),
            (["LISTING", shop], ["SKU", shop_sku]) => Self::ShopItem { shop: shop.parse().ok()?, shop_sku: owned(shop_sku) },
            (["LISTING", shop], ["VARIANT", variant]) => {
                Self::ListedVariant { shop: shop.parse().ok()?, variant: VariantId::new(variant.parse().ok()?) }
            }
            (["SYSITEM", system], ["CODE", code]) => Self::SystemItem { system: owned(system), code: owned(code) },
            (["TIERS"], [id]) => Self::Tier(id.parse().ok()?),
            (["CENTRES"], [code]) => Self::WorkCentre(code.parse().ok()?),
            (["LOCATIONS"], [code]) => Self::Location(code.parse().ok()?),
            (["SHOPS"], [shop]) => Self::Shop(shop.parse().ok()?),
            (["BOM", parent], [HEAD]) => Self::Bill(parent.parse().ok()?),
            (["BOM", parent], ["VERSION", version]) => {
                Self::BillVersion { parent: parent.parse().ok()?, version: version.parse().ok()? }
            }
            (["USED", "ITEM", component], [HEAD]) => Self::WhereUsed(Resource::Item(component.parse().ok()?)),
            (["USED", "CENTRE", code], [HEAD]) => Self::WhereUsed(Resource::WorkCentre(code.parse().ok()?)),
            (["POS", of], [HEAD]) => Self::Position(of.parse().ok()?),
            (["POS", of], ["MOV", seq]) => Self::Movement { of: of.parse().ok()?, seq: seq.parse().ok()? },
            (["ORD", shop, order], [HEAD]) => Self::Order { shop: shop.parse().ok()?, order: order.parse().ok()? },
            (["TOREAD", shop], [gid]) => Self::OrderToRead { shop: shop.parse().ok()?, gid: owned(gid) },
            (["EVT", source, id], [HEAD]) => Self::AppliedEvent(EventId::new(*source, *id)),
            (["LANE", ..], [source, id]) => Self::Deferred { lane: lane_of(&pk)?, event: EventId::new(*source, *id) },
            (["COMMITMENT", document, reference], [of]) => {
                let document = DocumentKind::ALL.into_iter().find(|known| known.name() == *document)?;
                Self::Commitment { document, reference: owned(reference), of: of.parse().ok()? }
            }
            (["RECEIPTS", sku], [HEAD]) => Self::Receipts(sku.parse().ok()?),
            (["WAITING", missing @ ..], [name]) => {
                Self::Waiting { missing: MissingMapping::from_fields(missing)?, name: owned(name) }
            }
            (["HEARTBEAT", system], [HEAD]) => Self::Heartbeat(owned(system)),
            (["SYSTEMS"], [code]) => Self::System(code.parse().ok()?),
            (["FEED", system], [feed]) => Self::FeedWatermark { system: system.parse().ok()?, feed: feed.parse().ok()? },
            (["REPORTED", system, feed], [name]) => {
                Self::FullRefresh { system: system.parse().ok()?, feed: feed.parse().ok()?, name: owned(name) }
            }
            (["PROMISE", sku], [HEAD]) => Self::Promise(sku.parse().ok()?),
            (["PLAN", first], [HEAD]) => Self::Plan(first.parse().ok()?),
            (["PLANOF", sku], [HEAD]) => Self::PlanOf(sku.parse().ok()?),
            (["LEVEL", shop, sku], [location]) => {
                Self::Level { shop: shop.parse().ok()?, sku: sku.parse().ok()?, location: location.parse().ok()? }
            }
            (["METAFIELD", shop, kind], [sku]) => {
                Self::Metafield { shop: shop.parse().ok()?, sku: sku.parse().ok()?, kind: kind.parse().ok()? }
            }
            (["INTENT", shop], [HEAD]) => Self::Intent(shop.parse().ok()?),
            (["INTENT", shop], ["CALL", number]) => Self::Call { shop: shop.parse().ok()?, number: number.parse().ok()? },
            (["WATERMARK", shop], ["ORDERS"]) => Self::OrderWatermark(shop.parse().ok()?),
            (["WATERMARK", shop], ["COMPARE"]) => Self::CompareProgress(shop.parse().ok()?),
            (["REPORT", shop], ["COMPARE", began]) => {
                Self::CompareReport { shop: shop.parse().ok()?, began: began.parse().ok()? }
            }
            (["REFRESH"], [HEAD]) => Self::Refresh,
            (["ALERT", rule, fields @ ..], [HEAD]) => Self::Alert(AlertSubject::from_fields(rule, fields)?),
            _other => return None,
        })
    }
}

impl RowKind {
    /// The kind of row that is stored under a key; `None` where no kind of row is stored so.
    #[must_use]
    pub fn of(key: &Key) -> Option<Self> {
        RowKey::parse(key).map(|row| Self::from(&row))
    }
}

impl From<RowKey> for Key {
    fn from(row: RowKey) -> Self {
        row.key()
    }
}

/// The partition of the events that wait in a lane.
fn partition_of(lane: &Lane) -> String {
    match lane {
        Lane::Position(of) => join(&["LANE", "POS", &of.to_string()]),
        Lane::Order { shop, order } => join(&["LANE", "ORD", shop.as_str(), &order.to_string()]),
        Lane::System(system) => join(&["LANE", "SYSTEM", system]),
    }
}

/// The lane whose partition this is.
fn lane_of(pk: &[&str]) -> Option<Lane> {
    Some(match pk {
        ["LANE", "POS", of] => Lane::Position(of.parse().ok()?),
        ["LANE", "ORD", shop, order] => Lane::Order { shop: shop.parse().ok()?, order: order.parse().ok()? },
        ["LANE", "SYSTEM", system] => Lane::System((*system).to_owned()),
        _other => return None,
    })
}

/// Rows that can be listed together, in the order of their sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partition {
    /// The movements of a position, from the first.
    Movements(PositionKey),
    /// The versions of a bill of materials, from the first.
    BillVersions(Sku),
    /// All locations.
    Locations,
    /// The settings of all shops.
    Shops,
    /// All systems.
    Systems,
    /// The requests to read orders of a shop.
    OrdersToRead(ShopDomain),
    /// The events that wait in a lane.
    Lane(Lane),
    /// What a full refresh reported last.
    FullRefresh(SystemId, FeedId),
    /// The calls to a shop, from the first.
    Calls(ShopDomain),
    /// The reports of comparisons with a shop, from the first.
    CompareReports(ShopDomain),
}

impl Partition {
    /// The partition key, and what the sort keys of these rows begin with.
    #[must_use]
    pub fn key_and_prefix(&self) -> (String, String) {
        match self {
            Self::Movements(of) => (join(&["POS", &of.to_string()]), join(&["MOV", ""])),
            Self::BillVersions(parent) => (join(&["BOM", parent.as_str()]), join(&["VERSION", ""])),
            Self::Locations => (join(&["LOCATIONS"]), String::new()),
            Self::Shops => (join(&["SHOPS"]), String::new()),
            Self::Systems => (join(&["SYSTEMS"]), String::new()),
            Self::OrdersToRead(shop) => (join(&["TOREAD", shop.as_str()]), String::new()),
            Self::Lane(lane) => (partition_of(lane), String::new()),
            Self::FullRefresh(system, feed) => (join(&["REPORTED", system.as_str(), feed.as_str()]), String::new()),
            Self::Calls(shop) => (join(&["INTENT", shop.as_str()]), join(&["CALL", ""])),
            Self::CompareReports(shop) => (join(&["REPORT", shop.as_str()]), join(&["COMPARE", ""])),
        }
    }
}
