//! Identifiers as Shopify writes them: a number above 2^53 in REST bodies, and `gid://shopify/Kind/number` in GraphQL.
//!
//! Each kind has its own type, so that a line id cannot be used as an order id. A gid of another kind is not parsed.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

pub(super) const FIRST_ORDER: i64 = 5_000_000_000_000_000_001;
pub(super) const FIRST_LINE: i64 = 6_000_000_000_000_000_001;
pub(super) const FIRST_FULFILMENT: i64 = 7_000_000_000_000_000_001;
pub(super) const FIRST_FULFILMENT_ORDER: i64 = 7_100_000_000_000_000_001;
pub(super) const FIRST_REFUND: i64 = 7_200_000_000_000_000_001;
pub(super) const FIRST_REFUND_LINE: i64 = 7_300_000_000_000_000_001;
pub(super) const FIRST_RETURN: i64 = 7_400_000_000_000_000_001;
pub(super) const FIRST_REVERSE: i64 = 7_500_000_000_000_000_001;
pub(super) const FIRST_REVERSE_LINE: i64 = 7_600_000_000_000_000_001;
pub(super) const FIRST_DISPOSITION: i64 = 7_700_000_000_000_000_001;
pub(super) const FIRST_EDIT: i64 = 7_800_000_000_000_000_001;
pub(super) const FIRST_DRAFT: i64 = 9_000_000_000_000_000_001;
pub(super) const FIRST_DRAFT_LINE: i64 = 9_100_000_000_000_000_001;
pub(super) const FIRST_GROUP: i64 = 8_000_000_000_000_000_001;

/// The number of objects of each kind so far, by the kind's first number.
#[derive(Clone, Debug, Default)]
pub(super) struct Made(BTreeMap<i64, i64>);

impl Made {
    /// Returns the next number of the kind that begins with `first`.
    pub(super) fn number(&mut self, first: i64) -> i64 {
        let made = self.0.entry(first).or_default();
        *made += 1;
        first + *made - 1
    }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident => $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// Returns the `gid://shopify/…` form.
            #[must_use]
            pub fn gid(self) -> String {
                format!(concat!("gid://shopify/", $kind, "/{}"), self.0)
            }

            /// Returns the identifier in a gid; `None` if the text is not a gid of this kind.
            #[must_use]
            pub fn parse(gid: &str) -> Option<Self> {
                let number = gid.strip_prefix(concat!("gid://shopify/", $kind, "/"))?;
                let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                plain.then(|| number.parse().ok().map($name)).flatten()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

identifiers! {
    /// An inventory item, for which Shopify counts units. Each variant has one.
    ItemId => "InventoryItem";
    /// A product variant, which the shop sells.
    VariantId => "ProductVariant";
    /// A location that stocks items.
    LocationId => "Location";
    /// An order. Its number is above 2^53, as the numbers of the newest orders of real shops are.
    OrderId => "Order";
    /// A line of an order.
    LineId => "LineItem";
    /// A draft order.
    DraftOrderId => "DraftOrder";
    /// A line of a draft order.
    DraftLineId => "DraftOrderLineItem";
    /// A shipment of lines of one order from one location.
    FulfilmentId => "Fulfillment";
    /// Units of an order that one location is asked to ship.
    FulfilmentOrderId => "FulfillmentOrder";
    /// A refund of an order.
    RefundId => "Refund";
    /// A line of a refund.
    RefundLineId => "RefundLineItem";
    /// A return of an order.
    ReturnId => "Return";
    /// A reverse fulfilment order, which asks the warehouse to process a return.
    ReverseId => "ReverseFulfillmentOrder";
    /// A line of a reverse fulfilment order.
    ReverseLineId => "ReverseFulfillmentOrderLineItem";
    /// A disposition of units of a reverse fulfilment order.
    DispositionId => "ReverseFulfillmentOrderDisposition";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects 64-bit identifiers: no float rounds them, and a gid of another kind is not accepted.
    #[test]
    fn gids_round_trip_exactly() {
        let rows: [(&str, Option<i64>); 7] = [
            ("gid://shopify/Order/5000000000000000001", Some(5_000_000_000_000_000_001)),
            ("gid://shopify/Order/9007199254740993", Some(9_007_199_254_740_993)),
            ("gid://shopify/Order/", None),
            ("gid://shopify/Order/+7", None),
            ("gid://shopify/Order/99999999999999999999", None),
            ("gid://shopify/LineItem/1", None),
            ("5000000000000000001", None),
        ];
        for (gid, number) in rows {
            assert_eq!(OrderId::parse(gid).map(|id| id.0), number, "{gid}");
            if let Some(number) = number {
                assert_eq!(OrderId(number).gid(), gid);
            }
        }
    }
}
