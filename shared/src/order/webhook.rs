//! Order webhooks as Shopify sends them, read into snapshots. Only the fields we use are read; the rest is never kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Facts, Fulfilment, FulfilmentStatus, OrderSnapshot, SnapshotLine};
use crate::catalog::{FulfilmentId, LineId, OrderId, Quantity, ShopDomain, ShopLocationId};

/// The largest body that is looked at, in bytes. Anything larger is refused before it is hashed.
pub const MAX_BODY: usize = 2 * 1024 * 1024;

/// The most lines one order may have.
pub const MAX_LINES: usize = 500;

/// The longest SKU of a shop, in bytes: Shopify's is 255 characters.
pub const MAX_SKU: usize = 1_000;

/// The topics that change an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// `orders/create`, `orders/updated`, `orders/cancelled`: the whole order.
    Order,
    /// `fulfillments/create`: one fulfilment of an order.
    Fulfilment,
}

impl Topic {
    /// Reads the topic header; `None` for a topic nobody here listens to.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        match value {
            "orders/create" | "orders/updated" | "orders/cancelled" => Some(Self::Order),
            "fulfillments/create" => Some(Self::Fulfilment),
            _ => None,
        }
    }
}

/// A body that cannot be an order. It says what is wrong and where, and repeats nothing of the body's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not the JSON we expect.
    #[error("the body is not a readable {what}: {detail}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// Position and kind of the mistake.
        detail: String,
    },
    /// An id that does not fit its field.
    #[error("{field} is not a Shopify id")]
    Id {
        /// The field.
        field: &'static str,
    },
    /// A quantity that is negative or absurd.
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
    #[error("{found} lines where at most {MAX_LINES} are taken")]
    TooManyLines {
        /// How many there are.
        found: usize,
    },
}

/// Reads the body of a webhook.
///
/// # Errors
/// [`Malformed`], with what is wrong.
pub fn parse(topic: Topic, shop: &ShopDomain, body: &[u8]) -> Result<OrderSnapshot, Malformed> {
    match topic {
        Topic::Order => json::<OrderBody>("order", body)?.snapshot(shop),
        Topic::Fulfilment => {
            let fulfilment: FulfilmentBody = json("fulfilment", body)?;
            let order = fulfilment.order_id.map(OrderId::new).ok_or(Malformed::Id { field: "order_id" })?;
            let (id, fulfilment) = fulfilment.read()?;
            Ok(OrderSnapshot { shop: shop.clone(), order, facts: None, fulfilments: BTreeMap::from([(id, fulfilment)]) })
        }
    }
}

fn json<'a, T: Deserialize<'a>>(what: &'static str, body: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(body).map_err(|error| {
        // serde_json's own message may quote a value of the body: only its kind and place are kept.
        Malformed::Json {
            what,
            detail: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
        }
    })
}

#[derive(Deserialize)]
struct OrderBody {
    id: u64,
    admin_graphql_api_id: Option<String>,
    updated_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    confirmed: Option<bool>,
    location_id: Option<u64>,
    line_items: Vec<LineBody>,
    #[serde(default)]
    fulfillments: Vec<FulfilmentBody>,
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

/// The exact id: some tools between a shop and us round the number, none rounds the text.
fn exact<T>(
    number: u64,
    gid: Option<&str>,
    field: &'static str,
    read: fn(&str) -> Option<T>,
    new: fn(u64) -> T,
) -> Result<T, Malformed> {
    gid.map_or_else(|| Ok(new(number)), |gid| read(gid).ok_or(Malformed::Id { field }))
}

impl OrderBody {
    fn snapshot(self, shop: &ShopDomain) -> Result<OrderSnapshot, Malformed> {
        let order =
            exact(self.id, self.admin_graphql_api_id.as_deref(), "admin_graphql_api_id", OrderId::from_gid, OrderId::new)?;
        if self.line_items.len() > MAX_LINES {
            return Err(Malformed::TooManyLines { found: self.line_items.len() });
        }
        let lines = self.line_items.iter().map(LineBody::read).collect::<Result<_, _>>()?;
        let facts = Facts {
            version: self.updated_at,
            cancelled: self.cancelled_at.is_some(),
            confirmed: self.confirmed.unwrap_or(true),
            sold_at: self.location_id.map(ShopLocationId::new),
            lines,
        };
        let fulfilments = self.fulfillments.into_iter().map(FulfilmentBody::read).collect::<Result<_, _>>()?;
        Ok(OrderSnapshot { shop: shop.clone(), order, facts: Some(facts), fulfilments })
    }
}

impl LineBody {
    fn id(&self) -> Result<LineId, Malformed> {
        exact(self.id, self.admin_graphql_api_id.as_deref(), "line_items.admin_graphql_api_id", LineId::from_gid, LineId::new)
    }

    fn quantity(&self, field: &'static str, units: i64) -> Result<Quantity, Malformed> {
        let quantity = Quantity::new(units);
        if quantity.is_sane_input() { Ok(quantity) } else { Err(Malformed::Quantity { line: self.id, field }) }
    }

    fn read(&self) -> Result<(LineId, SnapshotLine), Malformed> {
        let ordered = self.quantity("quantity", self.quantity)?;
        // Remaining work is what is fulfillable; a body without it has shipped nothing, so what is current is open.
        let open = match (self.fulfillable_quantity, self.current_quantity) {
            (Some(units), _) => self.quantity("fulfillable_quantity", units)?,
            (None, Some(units)) => self.quantity("current_quantity", units)?,
            (None, None) => ordered,
        };
        let shop_sku = self.sku.clone().unwrap_or_default();
        if shop_sku.len() > MAX_SKU {
            return Err(Malformed::SkuTooLong { line: self.id });
        }
        let line = SnapshotLine { shop_sku, ordered, open, not_stocked: self.gift_card };
        Ok((self.id()?, line))
    }
}

impl FulfilmentBody {
    fn read(self) -> Result<(FulfilmentId, Fulfilment), Malformed> {
        let id = exact(
            self.id,
            self.admin_graphql_api_id.as_deref(),
            "fulfillments.admin_graphql_api_id",
            FulfilmentId::from_gid,
            FulfilmentId::new,
        )?;
        if self.line_items.len() > MAX_LINES {
            return Err(Malformed::TooManyLines { found: self.line_items.len() });
        }
        let mut lines = BTreeMap::new();
        for line in &self.line_items {
            *lines.entry(line.id()?).or_insert(Quantity::ZERO) += line.quantity("quantity", line.quantity)?;
        }
        let fulfilment = Fulfilment {
            status: self.status.as_deref().map_or(FulfilmentStatus::Shipped, FulfilmentStatus::from_shopify),
            version: self.updated_at.unwrap_or(self.created_at),
            location: self.location_id.map(ShopLocationId::new),
            lines,
        };
        Ok((id, fulfilment))
    }
}
