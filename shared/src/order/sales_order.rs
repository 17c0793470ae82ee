//! An order as the manufacturing system receives it. It contains the customer and the address, so it is never stored or logged.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{LineId, OrderId, Quantity, ShopDomain, Sku};
use crate::movement::content_hash;
use crate::order::OrderRecord;

/// One version of an order, for the system that makes or ships it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SalesOrder {
    /// The shop.
    pub shop: ShopDomain,
    /// The order.
    pub order: OrderId,
    /// The version: the order's `updated_at`, in seconds.
    pub version: Timestamp,
    /// The name that people use for it, such as `#1001`.
    pub name: String,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Whether it is cancelled: nothing more of it is to be made or shipped.
    pub cancelled: bool,
    /// Whether it is paid, or the payment is secured.
    pub paid: bool,
    /// The customer.
    pub customer: Customer,
    /// The shipping address; `None` for an order that is not shipped.
    pub ship_to: Option<Address>,
    /// Its lines.
    pub lines: Vec<SalesLine>,
}

/// The customer of an order.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct Customer {
    /// The shop's id of the customer.
    pub id: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Email address of the order.
    pub email: Option<String>,
    /// Telephone number of the order.
    pub phone: Option<String>,
}

/// The shipping address of an order.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Street and number.
    pub address1: Option<String>,
    /// Floor, flat, and the like.
    pub address2: Option<String>,
    /// City.
    pub city: Option<String>,
    /// Province, by code.
    pub province: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// Country, by ISO 3166 code.
    pub country: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// One line of a sales order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SalesLine {
    /// The line.
    pub line: LineId,
    /// The shop's SKU.
    pub shop_sku: String,
    /// Our item, if the shop's SKU is mapped.
    pub sku: Option<Sku>,
    /// Units ever ordered, removed ones included.
    pub ordered: Quantity,
    /// Units still to ship.
    pub open: Quantity,
}

impl SalesOrder {
    /// The id of this version. It is the same however often the version is forwarded. An order may change twice within one
    /// second, so the id contains a hash of the content.
    #[must_use]
    pub fn id(&self) -> String {
        let content = content_hash(serde_json::to_string(self).expect("a sales order always serialises").as_bytes());
        format!("{}/{}@{}-{}", self.shop, self.order, self.version, content.get(..16).unwrap_or_default())
    }

    /// Fills in our item of every mapped line, and the open units of the newest facts in `record`.
    #[must_use]
    pub fn with_items_of(mut self, record: &OrderRecord) -> Self {
        for line in &mut self.lines {
            line.sku = record.lines.get(&line.line).and_then(|known| known.sku.clone());
            let snapshot = record.facts.as_ref().and_then(|facts| facts.lines.get(&line.line));
            line.open = snapshot.map_or(line.open, |snapshot| snapshot.open);
        }
        self
    }
}

/// Prints only the id, so that a log never shows the customer.
impl fmt::Debug for SalesOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SalesOrder").field(&self.id()).finish_non_exhaustive()
    }
}
