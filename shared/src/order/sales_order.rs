//! An order as the manufacturing system gets it: with the customer and the address, and therefore never stored or logged.

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
    /// What people call it.
    pub name: String,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Cancelled: make and ship nothing more of it.
    pub cancelled: bool,
    /// Paid, or the payment is secured.
    pub paid: bool,
    /// Who ordered.
    pub customer: Customer,
    /// Where it goes; none for an order that is not shipped.
    pub ship_to: Option<Address>,
    /// What was ordered.
    pub lines: Vec<SalesLine>,
}

/// Who ordered.
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

/// Where an order goes.
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

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SalesLine {
    /// The line.
    pub line: LineId,
    /// What the shop calls the item.
    pub shop_sku: String,
    /// Our item, where it is mapped.
    pub sku: Option<Sku>,
    /// Units ever ordered, removed ones included.
    pub ordered: Quantity,
    /// Units still to be shipped.
    pub open: Quantity,
}

impl SalesOrder {
    /// The name of this version, the same however often it is forwarded. An order may change twice within a second, so its
    /// content is part of its name.
    #[must_use]
    pub fn id(&self) -> String {
        let content = content_hash(serde_json::to_string(self).expect("a sales order always serialises").as_bytes());
        format!("{}/{}@{}-{}", self.shop, self.order, self.version, content.get(..16).unwrap_or_default())
    }

    /// With our item on every line that has one, and what is open as the ledger has it.
    #[must_use]
    pub fn with_items_of(mut self, record: &OrderRecord) -> Self {
        for line in &mut self.lines {
            line.sku = record.lines.get(&line.line).and_then(|known| known.sku.clone());
            let said = record.facts.as_ref().and_then(|facts| facts.lines.get(&line.line));
            line.open = said.map_or(line.open, |said| said.open);
        }
        self
    }
}

/// Names it, and shows nothing of the customer.
impl fmt::Debug for SalesOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SalesOrder").field(&self.id()).finish_non_exhaustive()
    }
}
