//! Reads Shopify's webhooks into order snapshots and notes. Only the fields that we use are read, and nothing else is stored.

mod topic;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::alert::AlertSubject;
use crate::catalog::{FulfilmentId, LineId, OrderId, Quantity, RefundId, ReturnId, ShopDomain, ShopLocationId, VariantId};
use crate::order::{
    Fulfilment, FulfilmentStatus, LineFlags, OrderFacts, OrderSnapshot, OrderToRead, Refund, RefundLine, Restock, SnapshotLine,
    StockTracking, WebhookNote,
};

pub use topic::{WebhookContent, WebhookTopic};

/// The largest accepted body, in bytes. A larger one is refused before it is hashed.
pub const MAX_BODY: usize = 2 * 1024 * 1024;

/// The most lines one order may have.
pub const MAX_LINES: usize = 500;

/// The longest SKU of a shop, in bytes: Shopify's is 255 characters.
pub const MAX_SKU: usize = 1_000;

/// A body that does not match its topic. The error names the problem and its place and never contains a value of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookFormatError {
    /// The body is not the expected JSON.
    #[error("the body is not a readable {what}: {detail}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// The kind of the error and its position.
        detail: String,
    },
    /// A body of another topic. The topic is not signed, so a signed body may come under any.
    #[error("the body belongs to another topic: {problem}")]
    OtherTopic {
        /// How that is seen.
        problem: &'static str,
    },
    /// An id that does not fit its field.
    #[error("{field} is not a Shopify id")]
    Id {
        /// The field.
        field: &'static str,
    },
    /// A quantity that is negative or implausibly large.
    #[error("line {line}: {field} is outside 0 to {}", Quantity::MAX_INPUT)]
    Quantity {
        /// The line's id.
        line: u64,
        /// The field.
        field: &'static str,
    },
    /// A SKU that is longer than a shop can have.
    #[error("line {line}: the SKU has more than {MAX_SKU} bytes")]
    SkuTooLong {
        /// The line's id.
        line: u64,
    },
    /// More lines than an order may have.
    #[error("the order has {found} lines; at most {MAX_LINES} are accepted")]
    TooManyLines {
        /// The number of lines.
        found: usize,
    },
}

/// Reads the body of a webhook that arrived at `now`.
///
/// # Errors
/// [`WebhookFormatError`].
pub fn parse(topic: WebhookTopic, shop: &ShopDomain, body: &[u8], now: Timestamp) -> Result<WebhookContent, WebhookFormatError> {
    let about = |order: Option<u64>| {
        let order = order.map(OrderId::new).ok_or(WebhookFormatError::Id { field: "order_id" })?;
        Ok(OrderSnapshot::about(shop.clone(), order))
    };
    let to_read = |gid: String| {
        let order_to_read = Some(OrderToRead { shop: shop.clone(), gid, named_at: now });
        WebhookContent::Note(WebhookNote { order_to_read, alert: None })
    };
    let alert =
        |subject, detail: String| WebhookContent::Note(WebhookNote { order_to_read: None, alert: Some((subject, detail)) });
    Ok(match topic {
        WebhookTopic::Order => WebhookContent::Order(json::<OrderBody>("order", body)?.snapshot(shop)?),
        WebhookTopic::Fulfilment => {
            let fulfilment: FulfilmentBody = json("fulfilment", body)?;
            let snapshot = about(fulfilment.order_id)?;
            WebhookContent::Order(OrderSnapshot { fulfilments: BTreeMap::from([fulfilment.read()?]), ..snapshot })
        }
        WebhookTopic::Refund => {
            let refund: RefundBody = json("refund", body)?;
            let snapshot = about(refund.order_id)?;
            WebhookContent::Order(OrderSnapshot { refunds: BTreeMap::from([refund.read()?]), ..snapshot })
        }
        WebhookTopic::OrderToRead => {
            let gid = referenced_gid(&json("reference to an order", body)?)
                .ok_or(WebhookFormatError::Id { field: "the referenced object" })?;
            to_read(gid)
        }
        WebhookTopic::DraftToRead => {
            let DraftBody { id, admin_graphql_api_id: gid } = json("draft order", body)?;
            let draft = exact(id, gid.as_deref(), "admin_graphql_api_id", OrderId::from_draft_gid, OrderId::Draft)?;
            to_read(draft.gid())
        }
        WebhookTopic::LocationClosed => {
            let LocationBody { id, admin_graphql_api_id: gid, active } = json("location", body)?;
            let field = "admin_graphql_api_id";
            let location = exact(id, gid.as_deref(), field, ShopLocationId::from_gid, ShopLocationId::new)?;
            // The topic is not signed, so an active location may be meant by another topic. Shopify's own sample is active, too.
            let doubt =
                if active == Some(true) { " The webhook says that it is active: look at the location first." } else { "" };
            let detail = format!(
                "{shop} closed its location {location}. If the location is mapped, remove it from the network or open it again.{doubt}"
            );
            alert(AlertSubject::LocationClosed { shop: shop.clone(), location }, detail)
        }
        WebhookTopic::AppRemoved => {
            match json::<ShopBody>("shop", body)?.myshopify_domain {
                None => return Err(WebhookFormatError::OtherTopic { problem: "it has no myshopify_domain" }),
                Some(Some(domain)) if domain != shop.as_str() => {
                    return Err(WebhookFormatError::OtherTopic { problem: "myshopify_domain is another shop" });
                }
                Some(_) => {}
            }
            let detail =
                format!("{shop} uninstalled the app. Promissory cannot read from or write to the shop. Install the app again.");
            alert(AlertSubject::AppRemoved { shop: shop.clone() }, detail)
        }
        WebhookTopic::Notice => {
            json::<serde::de::IgnoredAny>("notice", body)?;
            WebhookContent::Note(WebhookNote::default())
        }
    })
}

/// The global id of the object that a body refers to; the order's own id, if it is there.
fn referenced_gid(body: &Value) -> Option<String> {
    const ORDERS: [&str; 2] = ["/order_edit/order_id", "/order_id"];
    const OTHERS: [&str; 6] = [
        "/order/admin_graphql_api_id",
        "/fulfillment_order/id",
        "/moved_fulfillment_order/id",
        "/original_fulfillment_order/id",
        "/fulfillment_order_merges/fulfillment_order/id",
        "/admin_graphql_api_id",
    ];
    let order = ORDERS.iter().find_map(|at| body.pointer(at)?.as_u64()).map(|id| OrderId::new(id).gid());
    let other =
        || OTHERS.iter().find_map(|at| body.pointer(at)?.as_str().filter(|gid| OrderToRead::is_gid(gid)).map(str::to_owned));
    order.or_else(other)
}

fn json<'a, T: Deserialize<'a>>(what: &'static str, body: &'a [u8]) -> Result<T, WebhookFormatError> {
    serde_json::from_slice(body).map_err(|error| {
        // The message of serde_json may quote a value of the body, so the error holds only its kind and position.
        WebhookFormatError::Json {
            what,
            detail: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
        }
    })
}

#[derive(Deserialize)]
struct OrderBody {
    id: u64,
    admin_graphql_api_id: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    confirmed: Option<bool>,
    #[serde(default)]
    test: bool,
    financial_status: Option<String>,
    payment_terms: Option<serde::de::IgnoredAny>,
    location_id: Option<u64>,
    line_items: Vec<LineBody>,
    #[serde(default)]
    fulfillments: Vec<FulfilmentBody>,
    #[serde(default)]
    refunds: Vec<RefundBody>,
}

#[derive(Deserialize)]
struct LineBody {
    id: u64,
    admin_graphql_api_id: Option<String>,
    sku: Option<String>,
    quantity: i64,
    current_quantity: Option<i64>,
    fulfillable_quantity: Option<i64>,
    #[serde(default)]
    gift_card: bool,
    /// `Some(None)`: the line has no variant.
    #[serde(default, deserialize_with = "present")]
    variant_id: Option<Option<u64>>,
    requires_shipping: Option<bool>,
    /// `Some(None)`: the shop does not track the inventory.
    #[serde(default, deserialize_with = "present")]
    variant_inventory_management: Option<Option<String>>,
}

/// Distinguishes a field that is null from a field that is missing.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}

#[derive(Deserialize)]
struct RefundBody {
    id: u64,
    admin_graphql_api_id: Option<String>,
    order_id: Option<u64>,
    created_at: Timestamp,
    #[serde(rename = "return")]
    of_return: Option<ReturnBody>,
    #[serde(default)]
    refund_line_items: Vec<RefundLineBody>,
}

#[derive(Deserialize)]
struct ReturnBody {
    id: u64,
}

#[derive(Deserialize)]
struct RefundLineBody {
    line_item_id: u64,
    line_item: Option<NamedBody>,
    quantity: i64,
    restock_type: Option<String>,
    location_id: Option<u64>,
}

#[derive(Deserialize)]
struct NamedBody {
    admin_graphql_api_id: Option<String>,
}

#[derive(Deserialize)]
struct LocationBody {
    id: u64,
    admin_graphql_api_id: Option<String>,
    active: Option<bool>,
}

#[derive(Deserialize)]
struct ShopBody {
    /// `Some(None)` in a test notification.
    #[serde(default, deserialize_with = "present")]
    myshopify_domain: Option<Option<String>>,
}

#[derive(Deserialize)]
struct DraftBody {
    id: u64,
    admin_graphql_api_id: Option<String>,
}

#[derive(Deserialize)]
struct FulfilmentBody {
    id: u64,
    admin_graphql_api_id: Option<String>,
    order_id: Option<u64>,
    status: Option<String>,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
    location_id: Option<u64>,
    #[serde(default)]
    line_items: Vec<LineBody>,
}

/// The exact id. A tool between the shop and us may round the number, but none rounds the text.
fn exact<T>(
    number: u64,
    gid: Option<&str>,
    field: &'static str,
    read: fn(&str) -> Option<T>,
    new: fn(u64) -> T,
) -> Result<T, WebhookFormatError> {
    gid.map_or_else(|| Ok(new(number)), |gid| read(gid).ok_or(WebhookFormatError::Id { field }))
}

impl OrderBody {
    fn snapshot(self, shop: &ShopDomain) -> Result<OrderSnapshot, WebhookFormatError> {
        let order =
            exact(self.id, self.admin_graphql_api_id.as_deref(), "admin_graphql_api_id", OrderId::from_gid, OrderId::new)?;
        if self.line_items.len() > MAX_LINES {
            return Err(WebhookFormatError::TooManyLines { found: self.line_items.len() });
        }
        let lines = self.line_items.iter().map(LineBody::read).collect::<Result<_, _>>()?;
        let facts = OrderFacts {
            version: self.updated_at,
            queried_at: None,
            placed_at: self.created_at,
            cancelled: self.cancelled_at.is_some(),
            closed_at: self.closed_at,
            confirmed: self.confirmed.unwrap_or(true),
            paid: self.financial_status.as_deref().is_none_or(OrderFacts::is_paid),
            // The query also finds manual payment methods.
            pays_later: self.payment_terms.is_some(),
            test: self.test,
            sold_at: self.location_id.map(ShopLocationId::new),
            reserves_until: None,
            lines,
        };
        let fulfilments = self.fulfillments.into_iter().map(FulfilmentBody::read).collect::<Result<_, _>>()?;
        let refunds = self.refunds.into_iter().map(RefundBody::read).collect::<Result<_, _>>()?;
        Ok(OrderSnapshot { facts: Some(facts), fulfilments, refunds, ..OrderSnapshot::about(shop.clone(), order) })
    }
}

impl LineBody {
    fn id(&self) -> Result<LineId, WebhookFormatError> {
        exact(self.id, self.admin_graphql_api_id.as_deref(), "line_items.admin_graphql_api_id", LineId::from_gid, LineId::new)
    }

    fn quantity(&self, field: &'static str, units: i64) -> Result<Quantity, WebhookFormatError> {
        let quantity = Quantity::new(units);
        if quantity.is_sane_input() { Ok(quantity) } else { Err(WebhookFormatError::Quantity { line: self.id, field }) }
    }

    fn read(&self) -> Result<(LineId, SnapshotLine), WebhookFormatError> {
        let ordered = self.quantity("quantity", self.quantity)?;
        // The fulfillable quantity is what remains open. A body without it has no fulfilment, so the current quantity is open.
        let open = match (self.fulfillable_quantity, self.current_quantity) {
            (Some(units), _) => self.quantity("fulfillable_quantity", units)?,
            (None, Some(units)) => self.quantity("current_quantity", units)?,
            (None, None) => ordered,
        };
        let shop_sku = self.sku.clone().unwrap_or_default();
        if shop_sku.len() > MAX_SKU {
            return Err(WebhookFormatError::SkuTooLong { line: self.id });
        }
        let tracked = self.variant_inventory_management != Some(None);
        let stocked = StockTracking::of(LineFlags {
            gift_card: self.gift_card,
            custom: self.variant_id == Some(None) && shop_sku.is_empty(),
            tracked,
            ships: self.requires_shipping.unwrap_or(true),
        });
        let current = self.current_quantity.map(|units| self.quantity("current_quantity", units)).transpose()?;
        let variant = self.variant_id.flatten().map(VariantId::new);
        let line = SnapshotLine { shop_sku, variant, ordered, open, current, stocked };
        Ok((self.id()?, line))
    }
}

impl FulfilmentBody {
    fn read(self) -> Result<(FulfilmentId, Fulfilment), WebhookFormatError> {
        let id = exact(
            self.id,
            self.admin_graphql_api_id.as_deref(),
            "fulfillments.admin_graphql_api_id",
            FulfilmentId::from_gid,
            FulfilmentId::new,
        )?;
        if self.line_items.len() > MAX_LINES {
            return Err(WebhookFormatError::TooManyLines { found: self.line_items.len() });
        }
        let mut lines = BTreeMap::new();
        for line in &self.line_items {
            *lines.entry(line.id()?).or_insert(Quantity::ZERO) += line.quantity("quantity", line.quantity)?;
        }
        let fulfilment = Fulfilment {
            status: self.status.as_deref().map_or(FulfilmentStatus::Shipped, FulfilmentStatus::from_shopify),
            made_at: self.created_at,
            version: self.updated_at.unwrap_or(self.created_at),
            location: self.location_id.map(ShopLocationId::new),
            lines,
        };
        Ok((id, fulfilment))
    }
}

impl RefundBody {
    fn read(self) -> Result<(RefundId, Refund), WebhookFormatError> {
        let id = exact(
            self.id,
            self.admin_graphql_api_id.as_deref(),
            "refunds.admin_graphql_api_id",
            RefundId::from_gid,
            RefundId::new,
        )?;
        if self.refund_line_items.len() > MAX_LINES {
            return Err(WebhookFormatError::TooManyLines { found: self.refund_line_items.len() });
        }
        let lines = self.refund_line_items.into_iter().map(RefundLineBody::read).collect::<Result<_, _>>()?;
        Ok((id, Refund { made_at: self.created_at, of_return: self.of_return.map(|of| ReturnId::new(of.id)), lines }))
    }
}

impl RefundLineBody {
    fn read(self) -> Result<RefundLine, WebhookFormatError> {
        let quantity = Quantity::new(self.quantity);
        if !quantity.is_sane_input() {
            return Err(WebhookFormatError::Quantity { line: self.line_item_id, field: "refund quantity" });
        }
        // An unknown restock type puts nothing back. If the shop did restock, the comparison finds the drift.
        let restock = self.restock_type.as_deref().and_then(Restock::from_shopify).unwrap_or(Restock::None);
        let gid = self.line_item.and_then(|line| line.admin_graphql_api_id);
        let line = exact(self.line_item_id, gid.as_deref(), "refund_line_items.line_item", LineId::from_gid, LineId::new)?;
        Ok(RefundLine { line, quantity, restock, location: self.location_id.map(ShopLocationId::new) })
    }
}
